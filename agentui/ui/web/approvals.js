/* The card of code that waits for the visitor: what it would do, and what becomes of it. It stands under the transcript,
   where the code is, and is the same in every tab: it is made of the records, and the first decision holds. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText } = agentui;
  const KINDS = {
    import: "imports", reads: "reads", writes: "writes", network: "reaches", tool: "calls the tool",
    process: "starts", dynamic: "cannot be told", endless: "loops without end",
  };
  const NONE = "none";

  /* Whether an effect says enough for it to be allowed, as agentui/approval.py has it. */
  const nameable = ({ kind, what }) =>
    kind !== "dynamic" && kind !== "process" && !what.includes("a computed name") && (kind === "endless" || !what.includes("…"));

  const button = (text, onClick, style = "") => {
    const node = el("button", `au-button ${style}`, text);
    node.type = "button";
    node.addEventListener("click", onClick);
    return node;
  };

  class ApprovalCard {
    /* asked: the question. who: whose code it is, in words. decide(fields) resolves when the server took it. */
    constructor(asked, who, decide) {
      Object.assign(this, { asked, decide });
      const title = el("b", "", asked.editable ? "Run this code?" : asked.code.includes("\n") ? "Make these calls?" : "Make this call?");
      title.id = `au-${asked.approval_id}`;
      this.problem = el("p", "au-problem");
      this.problem.setAttribute("role", "alert");
      this.body = el("div", "au-approval-body");
      this.node = el("section", "au-approval", el("div", "au-approval-head", title, el("span", "au-fact", who)), this.body, this.problem);
      this.node.setAttribute("aria-labelledby", title.id);
      this.ask();
    }
    effects() {
      const { effects } = this.asked;
      if (!effects.length) return el("p", "au-small", "In its text no import, file, address, tool or endless loop is seen.");
      const list = el("ul", "au-effects");
      list.setAttribute("aria-label", "What it would do");
      for (const { kind, what, line } of effects)
        list.append(el("li", `au-effect au-effect-${kind}`, el("span", "au-effect-kind", KINDS[kind] ?? kind), " ", el("code", "", what), " ", el("span", "au-fact", `line ${line}`)));
      return list;
    }
    patterns() {
      const { effects } = this.asked;
      const known = effects.length ? effects.filter(nameable).map((effect) => [`${effect.kind} ${effect.what}`, `${KINDS[effect.kind]} ${effect.what}`]) : [[NONE, agentui.allowedText(NONE)]];
      this.boxes = [...new Map(known)].map(([pattern, text]) => {
        const box = Object.assign(el("input", ""), { type: "checkbox", value: pattern });
        return { box, label: el("label", "", box, " ", el("span", "", text)) };
      });
      if (!this.boxes.length) return el("p", "au-small", "Nothing of it can be allowed in advance.");
      return el("fieldset", "au-allow", el("legend", "", "Always allow in this run"), ...this.boxes.map(({ label }) => label));
    }
    get allow() {
      return (this.boxes ?? []).filter(({ box }) => box.checked).map(({ box }) => box.value);
    }
    ask() {
      const parts = [this.effects()];
      if (!this.asked.editable || this.asked.nested) parts.push(el("pre", "au-approval-code", this.asked.code));
      this.run = button("Run", () => this.settle({ decision: "approved", allow: this.allow }), "au-primary");
      const acts = [this.run];
      if (this.asked.editable) acts.push((this.edit = button("Edit", () => this.editing())));
      acts.push((this.reject = button("Reject", () => this.rejecting())));
      this.body.replaceChildren(...parts, this.patterns(), el("div", "au-approval-acts", ...acts));
    }
    /* Shows a field in place of the question; `act` is what is done with it, and Escape goes back. */
    field(field, label, act, back) {
      field.setAttribute("aria-label", label);
      const cancel = button("Back", () => {
        this.ask();
        this[back].focus();
      });
      field.addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        event.stopPropagation();
        cancel.click();
      });
      this.body.replaceChildren(field, el("div", "au-approval-acts", act, cancel));
      field.focus();
    }
    editing() {
      const field = el("textarea", "au-approval-edit");
      const allow = this.allow;
      Object.assign(field, { value: this.asked.code, spellcheck: false, rows: Math.min(16, this.asked.code.split("\n").length + 1) });
      const act = button("Run the edited code", () => this.settle({ decision: "edited", code: field.value, allow }), "au-primary");
      this.field(field, "The code that is to run instead", act, "edit");
      field.setSelectionRange(0, 0);
    }
    rejecting() {
      const field = el("textarea", "au-approval-reason");
      Object.assign(field, { rows: 2, placeholder: "Why, and what it is to do instead (the model reads this)" });
      const act = button("Reject the code", () => this.settle({ decision: "rejected", reason: field.value.trim() }), "au-danger");
      field.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        act.click();
      });
      this.field(field, "Why the code is rejected", act, "reject");
    }
    async settle(fields) {
      const acts = [...this.node.querySelectorAll("button")];
      for (const act of acts) act.disabled = true;
      setText(this.problem, "");
      try {
        await this.decide({ approval_id: this.asked.approval_id, ...fields });
      } catch (error) {
        setText(this.problem, error.message);
        for (const act of acts) act.disabled = false;
      }
    }
  }

  /* Keeps a card for every question of every run that goes on. place: where they stand. */
  class Approvals {
    constructor(inspector, place) {
      Object.assign(this, { inspector, place });
      this.cards = new Map();
    }
    draw() {
      const open = new Set();
      for (const [runId, run] of this.inspector.runs)
        for (const asked of run.view.pending) {
          const key = `${runId}/${asked.approval_id}`;
          open.add(key);
          if (!this.cards.has(key)) this.add(key, runId, asked, run.view);
        }
      for (const [key, card] of this.cards)
        if (!open.has(key)) {
          const held = card.node.contains(document.activeElement);
          card.node.remove();
          this.cards.delete(key);
          // Whoever decided with the keyboard goes on where the next thing is typed.
          if (held) document.querySelector("#task-input textarea")?.focus();
        }
      this.place.hidden = !this.cards.size;
    }
    add(key, runId, asked, view) {
      const nested = !view.step.approvals.some((one) => one.asked === asked);
      const lane = this.inspector.lanes.get(runId);
      const who = [lane, nested ? "of a called agent" : `step ${asked.step}`].filter(Boolean).join(" · ");
      const card = new ApprovalCard({ ...asked, nested: nested || Boolean(lane) }, who, (fields) => agentui.ask("decide", { run_id: runId, ...fields }));
      this.cards.set(key, card);
      this.place.append(card.node);
    }
  }

  agentui.starts.push(() => {
    const place = el("div", "au-approvals");
    place.hidden = true;
    document.getElementById("composer").before(place);
    const approvals = new Approvals(agentui.inspector, place);
    agentui.inspector.drawers.push(() => approvals.draw());
    agentui.inspector.touch();
  });

  Object.assign(agentui, { ApprovalCard, Approvals });
})();
