/* How much of the conversation is shown: answers only, steps, or everything. A level hides by style, nothing is taken
   away, and it never depends on whether a run goes on: what was seen stays when the run ends. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText } = agentui;
  const STORED = "agentui-level";
  const LEVELS = [
    ["answer", "Answer", "Tasks and answers only"],
    ["steps", "Steps", "Steps with their code and a part of their output"],
    ["everything", "Everything", "Steps with all reasoning and all output"],
  ];

  class Levels {
    /* chat: scrolls, and has the messages in it. */
    constructor(chat, inspector) {
      Object.assign(this, { chat, inspector });
      this.buttons = LEVELS.map(([level, name, title]) => this.button(name, title, () => this.show(level)));
      const group = el("div", "au-segments", ...this.buttons);
      group.setAttribute("role", "radiogroup");
      group.setAttribute("aria-label", "Level of detail");
      for (const button of this.buttons) button.setAttribute("role", "radio");
      group.addEventListener("keydown", (event) => this.key(event));
      this.expander = this.button("Expand all", "Open everything that is folded", () => this.expand(!this.expanded));
      this.expander.className = "au-tool";
      const copy = agentui.copyButton("au-tool", "Copy", "Copy as Markdown", () => this.markdown());
      this.tools = el("div", "au-levels-tools", this.expander, copy);
      this.node = el("div", "au-levels", group, this.tools);
      // The page draws cards when it likes.
      new MutationObserver(() => this.expanded && this.schedule()).observe(chat, { childList: true, subtree: true });
      const kept = agentui.storeForTab(STORED);
      this.show(LEVELS.some(([level]) => level === kept) ? kept : "steps");
    }
    button(text, title, act) {
      const button = el("button", "au-segment", text);
      button.type = "button";
      button.title = title;
      button.addEventListener("click", act);
      return button;
    }
    /* A radio group is one stop of Tab: arrows choose in it. */
    key(event) {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const at = this.buttons.indexOf(event.target);
      if (!by || at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const to = (at + by + LEVELS.length) % LEVELS.length;
      this.show(LEVELS[to][0]);
      this.buttons[to].focus();
    }
    show(level) {
      const place = this.place();
      document.body.dataset.level = level;
      agentui.storeForTab(STORED, level);
      LEVELS.forEach(([each], index) => {
        this.buttons[index].setAttribute("aria-checked", String(each === level));
        this.buttons[index].tabIndex = each === level ? 0 : -1;
      });
      this.expander.disabled = level === "answer";
      this.expand(level === "everything");
      place();
    }
    expand(value) {
      this.expanded = value;
      setText(this.expander, value ? "Collapse" : "Expand all");
      // A moment that lies over the conversation is opened, too.
      for (const details of this.chat.parentElement.querySelectorAll("details.au-reasoning")) this.open(details, value);
      if (value) this.wholeOutputs();
      else for (const whole of this.chat.querySelectorAll(".au-whole-output")) whole.remove();
    }
    /* Once for each: what somebody folds by hand stays so. */
    open(details, value) {
      details.open = value;
      details.seen = true;
    }
    schedule() {
      this.scheduled ??= requestAnimationFrame(() => {
        this.scheduled = null;
        if (!this.expanded) return;
        for (const details of this.chat.querySelectorAll("details.au-reasoning")) if (!details.seen) this.open(details, true);
        this.wholeOutputs();
      });
    }
    /* A card has the beginning and the end of a long output; the records have all of it. */
    wholeOutputs() {
      for (const label of this.chat.querySelectorAll(".au-output-cut")) {
        if (label.nextElementSibling?.classList.contains("au-whole-output")) continue;
        const head = label.closest(".message-row")?.querySelector(".au-head");
        const step = head && agentui.stepOf(head, this.inspector)?.step;
        if (!step?.end) continue;
        const whole = el("pre", "au-text au-whole au-whole-output", String(step.output));
        whole.tabIndex = 0;
        whole.setAttribute("aria-label", `The whole output of step ${step.number}`);
        label.after(whole);
      }
    }
    /* Remembers what is read now; the function that it returns goes back there. */
    place() {
      const top = this.chat.getBoundingClientRect().top;
      const rows = [...this.chat.querySelectorAll(".message-row")];
      const at = rows.findIndex((row) => row.getBoundingClientRect().bottom > top + 8);
      const before = rows[at]?.getBoundingClientRect().top;
      return () => {
        const still = rows.slice(Math.max(0, at)).find((row) => row.offsetParent);
        if (at > 0 && still) this.chat.scrollTop += still.getBoundingClientRect().top - Math.max(before, top + 8);
      };
    }
    markdown() {
      return this.inspector.own.map(({ view }) => agentui.runMarkdown(view)).join("\n---\n\n");
    }
  }

  agentui.Levels = Levels;
})();
