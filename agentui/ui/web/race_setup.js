/* Where a race is set up: the task, and two or three lanes. A lane begins as the settings panel stands; keys that are
   typed here are sent with the race and nowhere kept. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText, labelledField, selectOf } = agentui;
  const [MIN_LANES, MAX_LANES] = [2, 3];

  class RaceSetup {
    /* settings() tells how the settings panel stands, examples are [title, task], start({task, lanes}) starts a race. */
    constructor({ offers, examples, settings, start }) {
      Object.assign(this, { offers, settings, start });
      this.task = Object.assign(el("textarea", ""), { rows: 2, placeholder: "The same task for every lane" });
      this.example = selectOf([["", "or an example …"], ...examples.map(([title, task]) => [task, title])], "");
      this.example.setAttribute("aria-label", "An example as the task");
      this.example.hidden = !examples.length;
      this.example.addEventListener("change", () => (this.task.value = this.example.value || this.task.value));
      this.lanes = [];
      this.box = el("div", "au-race-forms");
      this.adder = this.button("au-button", "Add a lane", () => this.add());
      this.starter = this.button("au-button au-race-start", "Start race", () => this.submit());
      this.problem = el("p", "au-race-problem");
      this.problem.setAttribute("role", "alert");
      this.status = el("p", "au-small au-race-status");
      this.status.setAttribute("role", "status");
      this.dialog = this.makeDialog();
    }
    button(className, text, act) {
      const button = Object.assign(el("button", className, text), { type: "button" });
      button.addEventListener("click", act);
      return button;
    }
    makeDialog() {
      const close = this.button("au-icon", "✕", () => this.dialog.close());
      close.setAttribute("aria-label", "Close");
      const title = el("h2", "", "Race");
      title.id = "au-race-title";
      const about = el("p", "au-small", "The same task at once, in lanes with a model, settings and a sandbox of their own. Every lane begins with an empty conversation. A key goes to its base URL only, for this race; without one the settings' key is used where it is for the same URL.");
      const task = el("div", "au-race-task", labelledField("Task", this.task), this.example);
      const inside = el("div", "au-race-inside au-scroll", about, task, this.box);
      const acts = el("div", "au-race-acts", this.problem, this.status, this.adder, this.starter);
      const dialog = el("dialog", "au-race-dialog", el("header", "", title, close), inside, acts);
      dialog.setAttribute("aria-labelledby", title.id);
      dialog.addEventListener("close", () => this.forgetKeys());
      return dialog;
    }
    forgetKeys() {
      for (const { key } of this.lanes) key.value = "";
    }
    /* Lanes stay as they were left; the first time they are as the settings are. */
    open(task) {
      if (!this.dialog.isConnected) document.body.append(this.dialog);
      this.task.value = task || this.task.value;
      this.example.value = "";
      while (this.lanes.length < MIN_LANES) this.add();
      this.say("");
      this.dialog.showModal();
      (this.task.value ? this.lanes[0].preset : this.task).focus();
    }
    add() {
      const choices = agentui.laneChoices(this.settings(), this.offers, this.lanes.length);
      this.lanes.push(new agentui.LaneForm(choices, this.offers, (lane) => this.drop(lane)));
      this.arrange();
    }
    drop(lane) {
      this.lanes = this.lanes.filter((each) => each !== lane);
      this.arrange();
      this.adder.focus();
    }
    arrange() {
      const { length } = this.lanes;
      this.lanes.forEach((lane, at) => lane.number(at, length > MIN_LANES));
      this.box.replaceChildren(...this.lanes.map(({ node }) => node));
      this.adder.hidden = length >= MAX_LANES;
    }
    say(text) {
      setText(this.problem, text);
      this.problem.hidden = !text;
    }
    /* Shows how a race that was asked for stands in line. */
    wait(text) {
      setText(this.status, text && this.starter.disabled ? `${text}. The race begins by itself; Stop, on the page, leaves the line.` : "");
    }
    async submit() {
      this.starter.disabled = true;
      this.say("");
      try {
        await this.start({ task: this.task.value, lanes: this.lanes.map(({ value }) => value) });
        this.task.value = "";
        this.dialog.close();
      } catch (error) {
        this.say(error.message);
      } finally {
        this.starter.disabled = false;
        this.wait("");
      }
    }
  }

  agentui.RaceSetup = RaceSetup;
})();
