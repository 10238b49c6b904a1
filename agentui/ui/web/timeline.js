/* The steps of a run as bars on one time axis. A bar's place is a ratio of two CSS variables, so a longer axis moves
   all of them by one style change, and only the steps that changed are touched. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText, seconds } = agentui;
  const NAMES = { waiting: "waiting for the model", generating: "generating", running: "running code" };

  /* The next round number: the axis grows in jumps, so bars do not shrink all the time. */
  function axisEnd(t) {
    const size = 10 ** Math.floor(Math.log10(Math.max(t, 1)));
    return [1, 1.5, 2, 3, 5, 7.5, 10].map((k) => k * size).find((end) => end >= t * 1.02);
  }

  class StepRow {
    constructor(onToggle) {
      this.label = el("span", "au-row-label");
      this.bars = el("span", "au-track");
      this.time = el("span", "au-row-time");
      this.button = el("button", "au-row", this.label, this.bars, this.time);
      this.button.type = "button";
      this.button.setAttribute("aria-expanded", "false");
      this.details = el("div", "au-details");
      this.details.hidden = true;
      this.node = el("li", "au-step", this.button, this.details);
      this.segments = new Map();
      this.button.addEventListener("click", () => onToggle(this));
    }
    get open() {
      return !this.details.hidden;
    }
    set open(value) {
      this.details.hidden = !value;
      this.button.setAttribute("aria-expanded", String(value));
    }
    update(step, now) {
      const error = step.end?.error;
      const stopped = error?.startsWith("stopped before");
      const state = !step.end ? "live" : stopped ? "stopped" : error ? "failed" : "done";
      this.node.dataset.state = state;
      setText(this.label, step.kind === "planning" ? "Plan" : `Step ${step.number}`);
      const spans = step.spans(now);
      for (const span of spans) this.place(span, state === "live" && span === spans[spans.length - 1]);
      for (const [kind, bar] of this.segments)
        if (!spans.some((span) => span.kind === kind)) {
          bar.remove();
          this.segments.delete(kind);
        }
      const to = spans[spans.length - 1].to;
      setText(this.time, seconds(Math.max(0, to - spans[0].from)));
      const said = spans.map((span) => `${NAMES[span.kind]} ${seconds(span.to - span.from)}`).join(", ");
      this.button.title = said;
      this.button.setAttribute("aria-label", `${this.label.textContent}, ${state}, ${said}`);
    }
    place(span, live) {
      let bar = this.segments.get(span.kind);
      if (!bar) {
        bar = el("i", `au-bar au-${span.kind}`);
        this.segments.set(span.kind, bar);
        this.bars.append(bar);
      }
      bar.style.setProperty("--from", span.from.toFixed(3));
      bar.style.setProperty("--for", Math.max(0, span.to - span.from).toFixed(3));
      bar.classList.toggle("au-grows", live);
    }
  }

  class Timeline {
    constructor(onSelect) {
      this.axis = el("div", "au-axis");
      this.axis.setAttribute("aria-hidden", "true");
      this.list = el("ol", "au-steps");
      this.node = el("div", "au-timeline", this.axis, this.list);
      this.node.id = "steps";
      this.rows = [];
      this.onSelect = onSelect;
      this.end = 0;
    }
    clear() {
      this.list.replaceChildren();
      this.rows = [];
      this.end = 0;
      this.axis.replaceChildren();
    }
    row(index) {
      while (this.rows.length <= index) {
        const row = new StepRow((chosen) => this.onSelect(this.rows.indexOf(chosen)));
        this.rows.push(row);
        this.list.append(row.node);
      }
      return this.rows[index];
    }
    scale(t) {
      const end = axisEnd(Math.max(t, 1));
      if (end === this.end) return;
      this.end = end;
      this.node.style.setProperty("--end", end);
      const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => {
        const at = part * end;
        const tick = el("span", "", at >= 60 && end % 60 === 0 ? `${at / 60} min` : `${+at.toFixed(2)} s`);
        tick.style.setProperty("--at", part);
        return tick;
      });
      this.axis.replaceChildren(...ticks);
    }
  }

  agentui.Timeline = Timeline;
})();
