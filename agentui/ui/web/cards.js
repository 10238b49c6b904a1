/* Steps as cards. A card whose step has ended is never touched again, and is found again by the event that ended it, so
   going back and forth in time costs no more than the step in which one is. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText, wasCut } = agentui;

  class StepCard {
    /* options: those of the transcript; `inside` for the steps of a called agent, which have no frame. */
    constructor(options, runId) {
      Object.assign(this, { options, runId });
      this.head = el("div", "au-head");
      this.reasoningText = el("div", "au-prose");
      this.reasoningBox = el("details", "au-reasoning", el("summary", "", "Reasoning"), this.reasoningText);
      this.reasoningBox.open = true;
      this.thoughtText = el("div", "au-prose");
      this.reasoning = new agentui.Prose(this.reasoningText);
      this.thought = new agentui.Prose(this.thoughtText);
      this.code = agentui.codeLines();
      this.output = agentui.outputLines();
      this.outputBox = el("div", "", el("div", "au-label", "Output"), this.output.node);
      [this.decisions, this.retries, this.calls, this.artifacts, this.error] = Array.from({ length: 5 }, () => el("div"));
      this.stopping = agentui.noteNode("Stopping …");
      const parts = [this.reasoningBox, this.thoughtText, this.code.node, this.decisions, this.outputBox, this.retries, this.calls, this.artifacts, this.error, this.stopping];
      for (const part of parts) part.hidden = true;
      this.inside = el("div", options.inside ? "au-step-card" : "md", this.head, ...parts);
      this.node = options.inside ? this.inside : el("div", "message-row bot-row", el("div", "message bot", this.inside));
      this.clear();
    }
    /* Forgets what it showed of a step that is another one now. */
    clear() {
      this.callParts = new Map();
      for (const part of [this.retries, this.calls, this.artifacts]) part.replaceChildren();
      this.retriesShown = "";
    }
    /* view: the run, for its phase. */
    update(step, view, now) {
      if (step !== this.step) this.clear();
      this.step = step;
      const { end } = step;
      this.drawHead(step);
      const answered = end && end.is_final && end.code == null;
      this.show(this.reasoningBox, this.reasoning, `${step.reasoning}`.trimEnd());
      this.show(this.thoughtText, this.thought, answered ? "" : `${step.thought}`);
      this.show(this.code.node, this.code, `${step.code}`);
      this.show(this.outputBox, this.output, `${step.output}`.replace(/\n$/, ""));
      this.decisions.hidden = !step.approvals.length;
      this.decisions.replaceChildren(...agentui.decisionParts(step));
      this.drawRetries(step, view, now);
      this.drawCalls(step, now);
      for (const made of step.artifacts.slice(this.artifacts.children.length))
        this.artifacts.append(agentui.artifactPart(made, this.options.artifactUrl));
      this.artifacts.hidden = !step.artifacts.length;
      this.stopping.hidden = Boolean(end) || !view.stopped;
      if (end) this.settle(step);
    }
    show(node, part, text) {
      node.hidden = !text;
      part.update(text);
    }
    drawHead(step) {
      const { name, facts, state } = agentui.headOf(step);
      const key = `${name} ${state}`;
      if (this.drawn === key) return;
      this.drawn = key;
      const title = el("b", "", name);
      const select = this.options.selectable && !this.options.inside;
      const button = select ? el("button", "au-select", title) : title;
      if (select) button.type = "button";
      this.head.className = `au-head au-${state}${select ? ` au-step-${step.number} au-run-${this.runId}` : ""}`;
      this.head.replaceChildren(button, ...facts.map((fact) => el("span", "au-fact", fact)));
      if (state === "failed") this.head.append(el("span", "au-mark", "failed"));
      this.node.setAttribute("aria-label", name);
    }
    drawRetries(step, view, now) {
      this.retries.hidden = !step.retries.length;
      if (!step.retries.length) return;
      const waiting = !step.end && view.phase === "retrying";
      const parts = agentui.retryParts(step.retries, waiting ? view.detail.until - now : null, step.end?.error);
      const text = parts.map((part) => part.textContent).join("\n");
      if (text !== this.retriesShown) this.retries.replaceChildren(...parts);
      this.retriesShown = text;
    }
    drawCalls(step, now) {
      this.calls.hidden = !step.calls.size;
      for (const [id, call] of step.calls) {
        let part = this.callParts.get(id);
        if (!part) {
          part = new agentui.CallPart(call, this.options);
          this.callParts.set(id, part);
          this.calls.append(part.node);
        }
        if (!part.done) part.update(call, now);
      }
    }
    settle(step) {
      this.reasoningBox.open = false;
      const { error } = step.end;
      this.error.hidden = !error || wasCut(step) || Boolean(agentui.steered(step));
      if (!this.error.hidden) this.error.replaceChildren(...agentui.errorPart(error).childNodes);
    }
  }

  /* The cards of a run's steps, in their order. `notesBefore(view, index)` gives the texts of lines before a card. */
  class StepCards {
    constructor(options, notesBefore = () => []) {
      Object.assign(this, { options, notesBefore });
      this.node = el("div", options.inside ? "" : "au-cards");
      this.settled = new WeakMap();
      this.clear();
    }
    clear() {
      this.cards = [];
      this.done = 0;
      this.view = null;
      this.node.replaceChildren();
    }
    update(view, now) {
      if (view !== this.view) this.done = 0;
      this.view = view;
      for (const { box } of this.cards.splice(view.steps.length)) box.remove();
      for (; this.done < view.steps.length; this.done++) {
        this.draw(this.done, now);
        if (!view.steps[this.done].end) break;
      }
    }
    draw(index, now) {
      const step = this.view.steps[index];
      let place = this.cards[index];
      if (place?.end && place.end === step.end) return;
      if (!place) {
        place = { box: el("div", this.options.inside ? "" : "au-place"), end: null, card: null };
        this.cards.push(place);
        this.node.append(place.box);
      }
      const known = step.end && this.settled.get(step.end);
      const card = known ?? (place.end ? null : place.card) ?? new StepCard(this.options, this.view.runId);
      if (card !== place.card) place.box.replaceChildren(...this.notes(index), card.node);
      Object.assign(place, { card, end: step.end });
      if (known) return;
      card.update(step, this.view, now);
      if (step.end) this.settled.set(step.end, card);
    }
    notes(index) {
      const said = agentui.saidBefore(this.view, index).map((text) => agentui.messageRow("user", el("div", "au-task", text)));
      return [...said, ...this.notesBefore(this.view, index).map((text) => agentui.messageRow("bot", agentui.noteNode(text)))];
    }
  }

  /* A message of the transcript. role: "user" or "bot". */
  agentui.messageRow = (role, ...children) => {
    const message = el("div", `message ${role}`, el("div", "md", ...children));
    return el("div", `message-row ${role}-row`, role === "user" ? el("div", "flex-wrap", message) : message);
  };
  Object.assign(agentui, { StepCard, StepCards });
})();
