/* The steps of a run as bars on one time axis. A bar's place is a ratio of two CSS variables, so a longer axis moves
   all of them by one style change, and only the steps that changed are touched. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText, seconds } = agentui;
  const NAMES = { waiting: "waiting for the model", generating: "generating", running: "running code" };

  /* Between two ticks there is a round time, and three to five such stretches are the axis: it grows in jumps, so bars
     do not shrink all the time. */
  const STRETCHES = [0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
  function axis(t) {
    const most = Math.max(t, 0.7) * 1.02;
    const stretch = STRETCHES.find((each) => each * 5 >= most) ?? 3600 * 2 ** Math.ceil(Math.log2(most / 5 / 3600));
    return { stretch, count: Math.max(3, Math.ceil(most / stretch)) };
  }
  function tickText(at, stretch) {
    if (stretch >= 3600) return `${at / 3600} h`;
    return stretch >= 60 ? `${at / 60} min` : `${+at.toFixed(1)} s`;
  }

  const retryText = ({ retries }) => `${retries.length} ${retries.length === 1 ? "attempt" : "attempts"} failed before`;

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
      this.notes = el("div", "au-step-notes");
      this.node = el("li", "au-step", this.notes, this.button, this.details);
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
    update(step, now, notes = []) {
      setText(this.notes, [...notes, ...(step.retries.length ? [retryText(step)] : [])].join("\n"));
      const error = step.end?.error;
      const stopped = agentui.wasCut(step);
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
      setText(this.time, agentui.notBegun(step) ? "not sent" : seconds(Math.max(0, to - spans[0].from)));
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
      const { stretch, count } = axis(t);
      const end = stretch * count;
      if (end === this.end) return;
      this.end = end;
      this.node.style.setProperty("--end", end);
      this.node.style.setProperty("--stretches", count);
      const ticks = Array.from({ length: count + 1 }, (_, index) => {
        const tick = el("span", "", index ? tickText(index * stretch, stretch) : "0");
        tick.style.setProperty("--at", index / count);
        return tick;
      });
      this.axis.replaceChildren(...ticks);
    }
  }

  agentui.Timeline = Timeline;
})();
