/* Other ways from a run: fork it after a step, re-run it from its recording, run it again live, and go from one branch
   to another. The server makes the branch; this asks what it is to begin with. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el } = agentui;
  const SHARED = "The conversation, variables and files are those of that moment; what followed stays as it is, in a branch of its own.";
  let count = 0;

  /* Asks the server, and says beside the button what is in the way. */
  async function ask(button, verb, fields) {
    button.parentElement.querySelector(".au-refused")?.remove();
    try {
      await agentui.ask(verb, fields);
    } catch (error) {
      const said = el("span", "au-refused au-failed", error.message);
      said.setAttribute("role", "alert");
      button.after(said);
    }
  }

  /* A choice with its text: shown while it is chosen. */
  function choice({ what, label, text, code = false }) {
    const radio = el("input");
    Object.assign(radio, { type: "radio", name: "au-fork-what", value: what });
    const area = el("textarea", code ? "au-fork-code" : "");
    Object.assign(area, { value: text, rows: Math.min(14, Math.max(code ? 5 : 3, text.split("\n").length + 1)), spellcheck: !code, id: `au-fork-${count++}` });
    area.setAttribute("aria-label", label);
    return { what, radio, area, node: el("div", "au-fork-choice", el("label", "", radio, label), area) };
  }

  /* What can be done after a step: run code next, say something; after the first one also change the task. */
  function choices(view, index) {
    const step = view.steps[index];
    const next = view.steps.slice(index + 1).find((each) => `${each.code}`);
    const found = [
      { what: "code", label: next ? `Run this code next, instead of what step ${next.number} ran` : "Run this code next", text: `${next?.code ?? step.code}`, code: true },
      { what: "message", label: "Say something else", text: "" },
    ];
    if (index === 0) found.push({ what: "task", label: "Begin anew, with another task", text: view.start?.task ?? "" });
    return found.map(choice);
  }

  class ForkDialog {
    constructor(run, index) {
      const { view } = run;
      const step = view.steps[index];
      Object.assign(this, { runId: view.runId, step: step.number });
      this.choices = choices(view, index);
      this.refused = el("p", "au-failed");
      this.refused.setAttribute("role", "alert");
      const cancel = el("button", "au-button", "Cancel");
      const fork = el("button", "au-button au-primary", "Fork");
      [cancel.type, fork.type] = ["button", "submit"];
      cancel.addEventListener("click", () => this.node.close());
      const title = el("h2", "", `Fork after step ${step.number}`);
      title.id = `au-fork-${count++}`;
      const form = el("form", "", title, el("p", "", SHARED), ...this.choices.map(({ node }) => node), el("p", "au-fork-cost", "Your code runs without a call of the model; after it, or after your words, the model is called and paid as usual."), this.refused, el("div", "au-fork-act", cancel, fork));
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.send(fork);
      });
      form.addEventListener("change", () => this.show(true));
      form.addEventListener("keydown", (event) => {
        // Escape closes the dialog, and must not stop a run behind it.
        if (event.key === "Escape") event.stopPropagation();
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
      });
      this.node = el("dialog", "au-fork-dialog", form);
      this.node.setAttribute("aria-labelledby", title.id);
      this.node.addEventListener("close", () => this.node.remove());
      this.choices[0].radio.checked = true;
      this.show(false);
    }
    get chosen() {
      return this.choices.find(({ radio }) => radio.checked);
    }
    show(focus) {
      for (const { radio, area } of this.choices) area.hidden = !radio.checked;
      this.refused.textContent = "";
      if (focus) this.chosen.area.focus({ preventScroll: true });
    }
    open() {
      (document.querySelector(".gradio-container") ?? document.body).append(this.node);
      this.node.showModal();
      this.chosen.area.focus();
    }
    async send(button) {
      const { what, area } = this.chosen;
      button.disabled = true;
      try {
        await agentui.ask("fork", { run_id: this.runId, step: what === "task" ? 0 : this.step, [what]: area.value });
        this.node.close();
        agentui.toEnd();
      } catch (error) {
        this.refused.textContent = error.message;
        area.focus();
      } finally {
        button.disabled = false;
      }
    }
  }

  const classOf = (button, prefix) => [...button.classList].find((name) => name.startsWith(prefix))?.slice(prefix.length) ?? "";
  const open = (runId, index) => {
    const run = agentui.inspector.runs.get(runId);
    if (run?.view.steps[index]?.end) new ForkDialog(run, index).open();
  };

  Object.assign(agentui.pressed, {
    "au-fork": (button) => {
      const found = agentui.stepOf(button.closest(".au-head"), agentui.inspector);
      button.disabled = false; // it gets the focus back from the dialog
      if (found) open(found.runId, found.index);
    },
    "au-rerun": (button) => ask(button, "rerun", { run_id: classOf(button, "au-run-"), speed: 1 }),
    "au-repeat": (button) => ask(button, "repeat", { run_id: classOf(button, "au-run-") }),
    "au-branch": (button) => ask(button, "branch", { branch: classOf(button, "au-to-") }),
  });

  /* The same in the inspector: a button in the opened row of a step that has ended. */
  agentui.stepTools = (index) => {
    const fork = el("button", "au-button au-fork", "Fork here");
    fork.type = "button";
    fork.addEventListener("click", () => open(agentui.inspector.shown.view.runId, index));
    return el("div", "au-step-tools", fork);
  };
})();
