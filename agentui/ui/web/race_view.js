/* One race as it is shown: its lanes beside each other on one clock, by time or by step, and compared when all have
   ended. What is shown comes from the records that the inspector holds. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el } = agentui;

  class Race {
    /* about: {id, lanes: [{name, run_id, problem}]}. runs: WatchedRuns by id. on: as a lane's. */
    constructor(about, { runs, artifactUrl, on }) {
      Object.assign(this, { about, runs });
      this.lanes = about.lanes.map((lane) => new agentui.RaceLane(lane, { artifactUrl, on }));
      this.columns = el("div", "au-lanes", ...this.lanes.map(({ node }) => node));
      this.board = new agentui.RaceBoard(about.lanes, (lane) => this.reveal(lane));
      this.steps = new agentui.RaceSteps(about.lanes.map(({ name }) => name), artifactUrl);
      this.comparison = el("div", "au-race-compare au-scroll");
      this.comparison.tabIndex = 0;
      this.comparison.setAttribute("role", "region");
      this.comparison.setAttribute("aria-label", "Comparison");
      this.panes = [this.board.node, this.columns, this.steps.node, this.comparison];
      for (const pane of this.panes) pane.style.setProperty("--lanes", about.lanes.length);
      this.choose("time");
    }
    get watched() {
      return this.about.lanes.map(({ run_id }) => this.runs.get(run_id) ?? null);
    }
    /* Records of a lane may be on their way still. */
    get ended() {
      return this.about.lanes.every(({ run_id }) => !run_id || this.runs.get(run_id)?.view.end);
    }
    get task() {
      return this.watched.find(Boolean)?.view.start?.task ?? "";
    }
    choose(view) {
      this.shown = view;
      // The lanes stay over their steps: they have the numbers, the clock and the buttons.
      this.columns.classList.toggle("au-lanes-heads", view === "step");
      this.columns.hidden = this.board.node.hidden = view === "compare";
      this.steps.node.hidden = view !== "step";
      this.comparison.hidden = view !== "compare";
    }
    reveal(lane) {
      if (this.shown === "compare") this.choose("time");
      const { node, body } = this.lanes[lane];
      node.scrollIntoView({ block: "nearest", inline: "start" });
      body.focus({ preventScroll: true });
    }
    draw() {
      const runs = this.watched;
      this.now = Math.max(0, ...runs.map((run) => run?.now() ?? 0));
      runs.forEach((run, lane) => {
        if (!run) return;
        const said = this.lanes[lane].update(run, this.now);
        this.board.update(lane, said, agentui.phaseText(run.view, run.now()));
      });
      if (this.shown === "time") runs.forEach((run, lane) => run && this.lanes[lane].drawTranscript(run));
      if (this.shown === "step") this.steps.update(runs);
      if (this.ended && !this.compared) this.compare(runs.map((run) => run?.view ?? null));
    }
    compare(views) {
      this.compared = true;
      agentui.raceAwards(views).forEach((texts, lane) => this.lanes[lane].award(texts));
      this.comparison.replaceChildren(agentui.raceTable(this.about.lanes, views, this.lanes.map(({ goAlso }) => goAlso)));
      if (!this.chosen) this.choose("compare");
    }
    /* Whether a lane can become the conversation. */
    offer(possible) {
      this.lanes.forEach(({ go, goAlso }, lane) => {
        go.hidden = goAlso.hidden = !possible || !this.about.lanes[lane].can_go_on || this.watched[lane]?.view.end?.status !== "completed";
      });
    }
    /* What a person should hear of now; "" if nothing is new. */
    news() {
      const ended = this.about.lanes.filter(({ run_id }) => this.runs.get(run_id)?.view.end);
      const fresh = ended.filter(({ run_id }) => !this.said?.has(run_id));
      this.said = new Set(ended.map(({ run_id }) => run_id));
      const lines = fresh.map(({ name, run_id }) => `${name}: ${agentui.phaseText(this.runs.get(run_id).view, 0)}.`);
      return [...lines, ...(fresh.length && this.ended ? ["The race is over."] : [])].join(" ");
    }
  }

  agentui.Race = Race;
})();
