/* Rows of the tree of steps: a step with its parts as bars, and under it the tools it called and the agents' steps.
   A row is opened to see its details, and unfolded to see its children; pressing it does both. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText, seconds } = agentui;
  const NAMES = { waiting: "waiting for the model", generating: "generating", person: "waiting for a person", running: "running code", calling: "working" };
  const retryText = ({ retries }) => `${retries.length} ${retries.length === 1 ? "attempt" : "attempts"} failed before`;

  /* tree: the timeline. path: where the row stands, such as 2, 2/call_1 or 2/call_1/0, all of them of step 2. */
  class Row {
    constructor(tree, path, level) {
      Object.assign(this, { tree, path, level });
      this.label = el("span", "au-row-label");
      this.bars = el("span", "au-track");
      this.time = el("span", "au-row-time");
      this.button = el("button", "au-row", this.label, this.bars, this.time);
      this.button.type = "button";
      this.button.tabIndex = -1;
      this.button.dataset.path = path;
      const said = { role: "treeitem", "aria-level": level, "aria-selected": "false" };
      for (const [name, value] of Object.entries(said)) this.button.setAttribute(name, value);
      this.button.style.setProperty("--level", level - 1);
      this.button.addEventListener("click", () => tree.onPress(this));
      this.group = el("div", "au-children");
      this.group.setAttribute("role", "group");
      this.group.hidden = true;
      this.node = el(level === 1 ? "li" : "div", "au-step", this.button, this.group);
      this.node.setAttribute("role", "none");
      this.children = new Map();
      this.segments = new Map();
      tree.byPath.set(path, this);
    }
    get index() {
      return parseInt(this.path, 10);
    }
    get parent() {
      return this.level === 1 ? null : this.tree.byPath.get(this.path.slice(0, this.path.lastIndexOf("/")));
    }
    get unfolded() {
      return !this.group.hidden;
    }
    set unfolded(value) {
      this.group.hidden = !value || !this.children.size;
      this.sayExpanded();
    }
    /* Whether there is something to open or to fold, and whether it is. */
    get expanded() {
      return this.children.size ? this.unfolded : null;
    }
    sayExpanded() {
      const value = this.expanded;
      if (value == null) this.button.removeAttribute("aria-expanded");
      else this.button.setAttribute("aria-expanded", String(value));
    }
    toggle() {
      this.chosen = true;
      this.unfolded = !this.unfolded;
    }
    fold() {
      this.chosen = true;
      this.unfolded = false;
    }
    child(key, make) {
      let row = this.children.get(key);
      if (!row) {
        row = make(`${this.path}/${key}`);
        this.children.set(key, row);
        this.group.append(row.node);
        this.tree.node.dataset.deep = "true";
        this.sayExpanded();
      }
      return row;
    }
    /* Takes away the children that have no such key. */
    keep(keys) {
      const gone = [...this.children].filter(([key]) => !keys.has(key));
      for (const [key, row] of gone) {
        row.remove();
        this.children.delete(key);
      }
      if (gone.length) this.unfolded = this.unfolded;
    }
    remove() {
      this.keep(new Set());
      this.tree.byPath.delete(this.path);
      this.node.remove();
    }
    /* spans: bars on the run's clock. took: the words at the right. */
    draw(name, state, spans, took) {
      if (this.node.dataset.state !== state) this.node.dataset.state = state;
      setText(this.label, name);
      for (const span of spans) this.place(span, state === "live" && span === spans[spans.length - 1]);
      for (const [kind, bar] of this.segments)
        if (!spans.some((span) => span.kind === kind)) {
          bar.remove();
          this.segments.delete(kind);
        }
      setText(this.time, took);
      const said = spans.map((span) => `${NAMES[span.kind]} ${seconds(span.to - span.from)}`).join(", ");
      if (said === this.said && state === this.state) return;
      Object.assign(this, { said, state });
      this.button.title = said;
      this.button.setAttribute("aria-label", `${name}, ${state}, ${said}`);
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

  class StepRow extends Row {
    constructor(tree, path, level = 1) {
      super(tree, path, level);
      this.notes = el("div", "au-step-notes");
      this.details = el("div", "au-details");
      this.details.hidden = true;
      const inside = { role: "treeitem", "aria-level": level + 1, "aria-label": "Details" };
      for (const [name, value] of Object.entries(inside)) this.details.setAttribute(name, value);
      this.node.prepend(this.notes);
      this.node.append(this.details);
      this.sayExpanded();
    }
    get open() {
      return !this.details.hidden;
    }
    set open(value) {
      if (value === this.open) return;
      this.inside = value ? new agentui.StepDetails(this.details) : null;
      if (value && this.level === 1 && agentui.stepTools) this.details.append(agentui.stepTools(this.index));
      if (!value) this.details.replaceChildren();
      this.details.hidden = !value;
      this.sayExpanded();
    }
    get expanded() {
      return this.children.size ? this.unfolded : this.open;
    }
    toggle() {
      this.chosen = true;
      const value = !this.open;
      this.open = value;
      this.unfolded = value;
    }
    fold() {
      super.fold();
      this.open = false;
    }
    /* Records carry the run's clock, but the timing of a called agent's step is of a clock of its own. */
    update(step, now, notes = []) {
      const shift = this.level > 1 && step.end ? step.started - step.end.timing.started : 0;
      const spans = step.spans(now).map(({ kind, from, to }) => ({ kind, from: from + shift, to: to + shift }));
      const said = [step.retries.length ? retryText(step) : "", step.diverged ? "! Not as recorded from here on" : ""];
      setText(this.notes, [...notes, ...said.filter(Boolean)].join("\n"));
      const state = !step.end ? "live" : agentui.wasCut(step) || agentui.steered(step) ? "stopped" : step.end.error ? "failed" : "done";
      const took = agentui.notBegun(step) ? "not sent" : seconds(Math.max(0, spans[spans.length - 1].to - spans[0].from));
      this.draw(step.kind === "planning" ? "Plan" : `Step ${step.number}`, state, spans, took);
      this.keep(step.calls);
      for (const [id, call] of step.calls) this.child(id, (path) => new CallRow(this.tree, path, this.level + 1)).update(call, now, step);
      // A called agent that works now is seen without a hand.
      const called = state === "live" && [...step.calls.values()].some((call) => call.subagent && !call.finished);
      if (called && !this.chosen && !this.unfolded) this.unfolded = true;
      this.inside?.update(step, now);
    }
  }

  /* A tool call; the steps of an agent that was called are its children. */
  class CallRow extends Row {
    update(call, now, step) {
      const { started, finished, subagent } = call;
      const from = call.at ?? step.started;
      const to = finished ? from + finished.duration_s : (step.end ? Math.max(from, step.end.timing.finished) : now);
      const state = finished ? (finished.error ? "failed" : "done") : step.end ? "stopped" : "live";
      this.draw(started.name, state, [{ kind: "calling", from, to }], seconds(to - from));
      this.keep(new Set(subagent?.steps.map((_, index) => String(index))));
      if (!subagent) return;
      subagent.steps.forEach((inner, index) => {
        const row = this.child(String(index), (path) => new StepRow(this.tree, path, this.level + 1));
        if (!inner.end || row.inside || !row.settled) row.update(inner, now);
        row.settled = Boolean(inner.end);
      });
      if (!this.chosen && !this.unfolded) this.unfolded = true;
    }
  }

  agentui.StepRow = StepRow;
})();
