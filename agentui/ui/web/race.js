/* The races of a chat, one of them in the place of the conversation, with what can be done to all of its lanes. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText, seconds } = agentui;
  const VIEWS = { time: "By time", step: "By step", compare: "Comparison" };
  const DRAW_MS = 100;

  const button = (className, text, act) => {
    const node = el("button", className, text);
    node.type = "button";
    node.addEventListener("click", act);
    return node;
  };

  class Races {
    /* runs: WatchedRuns by id. ask(verb, fields) asks the server. inspect(run_id) shows a run in the inspector.
       free() tells whether a lane can become the conversation. onShow(race or null) is told of the one that is shown,
       onAgain(race) that another one like it is wanted. */
    constructor({ runs, ask, inspect, artifactUrl, free, onShow, onAgain }) {
      Object.assign(this, { free, onShow });
      const on = {
        stop: (run_id) => this.tell(ask("stop_lane", { run_id })),
        go: (run_id) => this.tell(ask("race_go_on", { run_id }).then(() => this.show(null))),
        inspect,
      };
      this.parts = { runs, artifactUrl, on };
      this.races = new Map();
      this.open = this.awaited = null;
      this.back = button("au-race-tool au-race-back", "← Chat", () => this.show(null));
      this.back.title = "Back to the chat";
      this.title = el("h2", "");
      this.clock = el("span", "au-race-clock");
      this.stop = button("au-button au-race-stop", "Stop all", () => this.tell(ask("race_end", { race: this.open.about.id })));
      this.again = button("au-button", "Race again", () => onAgain(this.open));
      this.problem = el("p", "au-race-problem");
      this.problem.setAttribute("role", "alert");
      this.problem.hidden = true;
      this.announce = el("div", "au-hidden");
      this.announce.setAttribute("aria-live", "polite");
      this.pane = el("div", "au-race-pane");
      const head = el("header", "au-race-head", this.back, this.title, this.clock, this.makeToggle(), this.stop, this.again);
      this.node = el("section", "", head, this.problem, this.pane, this.announce);
      this.node.id = "race";
      this.node.setAttribute("aria-label", "Race");
      this.chips = el("div", "au-race-chips");
      this.chips.hidden = true;
      this.node.hidden = true;
    }
    makeToggle() {
      this.radios = {};
      const choices = Object.entries(VIEWS).map(([view, name]) => {
        const radio = (this.radios[view] = el("input", "au-hidden"));
        Object.assign(radio, { type: "radio", name: "au-race-view", value: view });
        radio.addEventListener("change", () => {
          this.open.chosen = true;
          this.open.choose(view);
          this.draw();
        });
        return el("label", "au-segment", radio, name);
      });
      return el("fieldset", "au-segments", el("legend", "au-hidden", "How the lanes are shown"), ...choices);
    }
    /* Takes the races that a batch names; their records are in `runs` already. */
    take(races) {
      const ids = races.map(({ id }) => id);
      for (const id of this.races.keys()) if (!ids.includes(id)) this.races.delete(id);
      if (this.open && !this.races.has(this.open.about.id)) this.show(null);
      for (const about of races) if (!this.races.has(about.id)) this.add(about);
      const key = races.map(({ id, going }) => `${id}${going}`).join();
      if (key !== this.listed) this.list(races);
      this.listed = key;
      if (this.open) this.schedule();
    }
    add(about) {
      this.races.set(about.id, new agentui.Race(about, this.parts));
      // A page that comes when it is over finds it where it was left: alone, or over a conversation.
      if (about.going || this.awaited === about.id || this.free()) this.show(about.id);
    }
    /* Shows the race with this id as soon as it is here. */
    expect(id) {
      this.awaited = id;
      if (this.races.has(id)) this.show(id);
    }
    list(races) {
      const chips = races.map(({ id, going, lanes }, index) => {
        const name = `Race${races.length > 1 ? ` ${index + 1}` : ""} of ${lanes.length}${going ? ", going on" : ""}`;
        return button("au-race-chip", name, () => this.show(id));
      });
      this.chips.replaceChildren(...chips);
      this.chips.hidden = !chips.length;
    }
    show(id) {
      const race = this.races.get(id) ?? null;
      if (race === this.open) return;
      this.open = race;
      this.node.hidden = !race;
      this.problem.hidden = true;
      this.onShow(race);
      if (!race) return;
      this.pane.replaceChildren(...race.panes);
      setText(this.title, `Race of ${race.lanes.length}`);
      this.draw();
    }
    schedule() {
      if (this.scheduled) return;
      this.scheduled = true;
      const rest = DRAW_MS - (performance.now() - (this.drawnAt ?? 0));
      setTimeout(() => requestAnimationFrame(() => {
        this.scheduled = false;
        this.draw();
      }), Math.max(0, rest));
    }
    draw() {
      const { open } = this;
      if (!open) return;
      this.drawnAt = performance.now();
      open.draw();
      open.offer(open.ended && this.free());
      setText(this.clock, seconds(Math.max(0.1, Math.floor(open.now * 10) / 10)));
      this.stop.hidden = open.ended;
      this.again.hidden = !open.ended;
      this.radios.compare.disabled = !open.compared;
      this.radios[open.shown].checked = true;
      const news = open.news();
      if (news) setText(this.announce, news);
      if (!open.ended) this.schedule();
    }
    /* Says what went wrong with something that was asked for. */
    async tell(asked) {
      try {
        await asked;
        this.problem.hidden = true;
      } catch (error) {
        this.problem.hidden = false;
        setText(this.problem, error.message);
      }
    }
  }

  agentui.Races = Races;
})();
