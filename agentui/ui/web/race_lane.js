/* A lane of a race: what it is called, where it stands and what it has used, its steps on the clock of all lanes, and
   its transcript. A lane that could not start says why. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText, seconds, tokens, dollars, count } = agentui;

  /* The steps of a run as one bar on a clock that others share. */
  class Clock {
    constructor() {
      this.node = el("div", "au-track au-lane-clock");
      this.node.setAttribute("aria-hidden", "true");
      this.bars = [];
    }
    /* end: where the clock stands, in seconds. */
    update(view, now, end) {
      this.node.style.setProperty("--end", Math.max(end, 0.1));
      const spans = view.steps.flatMap((step) => step.spans(step.end?.timing.finished ?? now));
      spans.forEach(({ kind, from, to }, index) => {
        const bar = (this.bars[index] ??= this.node.appendChild(el("i")));
        if (bar.kind !== kind) bar.className = `au-bar au-${(bar.kind = kind)}`;
        bar.style.setProperty("--from", from.toFixed(3));
        bar.style.setProperty("--for", Math.max(0, to - from).toFixed(3));
      });
      for (const bar of this.bars.splice(spans.length)) bar.remove();
    }
  }

  /* Numbers of a lane, as people read them; "" for what is not known yet. */
  function facts({ steps, tokens: all, usd, exact, seconds: took }, ended) {
    return {
      time: seconds(ended ? took : Math.max(0.1, Math.floor(took * 10) / 10)),
      steps: count(steps),
      tokens: all == null ? "" : tokens(all, exact ? "reported" : "estimated"),
      cost: all == null ? "" : usd == null ? "unknown" : `${exact ? "" : "≈"}${dollars(usd)}`,
    };
  }
  const NAMES = { time: "time", steps: "steps", tokens: "tokens", cost: "cost" };

  function button(text, label, act, className = "au-race-tool") {
    const node = el("button", className, text);
    node.type = "button";
    node.setAttribute("aria-label", label);
    node.addEventListener("click", act);
    return node;
  }

  class Lane {
    /* about: {name, run_id, problem}. on: `stop`, `inspect` and `go` are called with the run's id; `go` makes it the
       conversation's. */
    constructor(about, { artifactUrl, on }) {
      this.about = about;
      this.title = el("h3", "au-lane-name", about.name);
      this.title.title = about.name;
      this.dot = el("i", "au-dot");
      this.phase = el("span", "au-lane-phase");
      this.stop = button("Stop", `Stop ${about.name}`, () => on.stop(about.run_id));
      this.inspect = button("Inspect", `Inspect ${about.name}`, () => on.inspect(about.run_id));
      this.inspect.dataset.run = about.run_id;
      this.inspect.setAttribute("aria-pressed", "false");
      // One here and one for the comparison.
      [this.go, this.goAlso] = [0, 1].map(() => button("Continue with this one", `Continue with ${about.name} in the chat`, () => on.go(about.run_id), "au-button"));
      this.facts = Object.fromEntries(Object.keys(NAMES).map((name) => [name, el("dd", "", "–")]));
      const list = el("dl", "au-lane-facts", ...Object.entries(NAMES).map(([name, text]) => el("div", "", el("dt", "", text), this.facts[name])));
      this.clock = new Clock();
      this.ribbons = el("ul", "au-ribbons");
      this.ribbons.setAttribute("aria-label", `${about.name} was`);
      this.ribbons.hidden = true;
      const top = el("div", "au-lane-top", this.title, this.inspect, this.stop);
      const state = el("div", "au-lane-state", this.dot, this.phase);
      this.node = el("section", "au-lane", el("header", "", top, state, list, this.clock.node, this.ribbons, this.go), this.makeBody(artifactUrl));
      this.node.setAttribute("aria-label", about.name);
      if (!about.run_id) this.fail();
    }
    makeBody(artifactUrl) {
      this.transcript = new agentui.Transcript({ artifactUrl });
      this.body = el("div", "au-lane-body au-scroll", this.transcript.node);
      this.body.tabIndex = 0;
      this.body.setAttribute("aria-label", `Steps of ${this.about.name}`);
      this.body.setAttribute("role", "group");
      // The end stays in sight until somebody scrolls away from it.
      this.following = true;
      const atEnd = () => this.body.scrollHeight - this.body.scrollTop - this.body.clientHeight < 40;
      this.body.addEventListener("scroll", () => (this.following = atEnd()), { passive: true });
      return this.body;
    }
    fail() {
      this.node.dataset.state = "failed";
      setText(this.phase, "Could not start");
      this.stop.hidden = this.inspect.hidden = true;
      this.body.replaceChildren(el("p", "au-lane-problem", this.about.problem));
    }
    /* run: a WatchedRun. end: where the clock of all lanes stands. Returns the facts. */
    update(run, end) {
      const { view } = run;
      const now = run.now();
      this.node.dataset.state = view.end?.status ?? "running";
      setText(this.phase, agentui.phaseText(view, now));
      const said = facts(agentui.compare.metrics(view, now), Boolean(view.end));
      for (const [name, text] of Object.entries(said)) setText(this.facts[name], text || "–");
      this.stop.hidden = Boolean(view.end);
      this.clock.update(view, now, end);
      return said;
    }
    drawTranscript(run) {
      this.transcript.update(run.view, run.now());
      if (this.following) this.body.scrollTop = this.body.scrollHeight;
    }
    /* texts: what it was best at. */
    award(texts) {
      this.ribbons.replaceChildren(...texts.map((text) => el("li", "au-ribbon", text)));
      this.ribbons.hidden = !texts.length;
    }
  }

  /* The lanes as a small table, for screens on which they do not stand beside each other. */
  class Board {
    /* onPick(index): a lane was pressed. */
    constructor(lanes, onPick) {
      const head = el("tr", "", ...["Lane", "Time", "Steps", "Tokens", "Cost"].map((text) => Object.assign(el("th", "", text), { scope: "col" })));
      this.rows = lanes.map(({ name, problem }, index) => {
        const phase = el("span", "au-board-phase", problem ? "Could not start" : "");
        const lane = Object.assign(el("th", "", button(name, `Show ${name}`, () => onPick(index), "au-link"), phase), { scope: "row" });
        const cells = Object.fromEntries(Object.keys(NAMES).map((key) => [key, el("td", "", "–")]));
        return { node: el("tr", "", lane, ...Object.values(cells)), phase, cells };
      });
      this.node = el("table", "au-race-board", el("caption", "au-hidden", "The lanes"), el("thead", "", head), el("tbody", "", ...this.rows.map(({ node }) => node)));
    }
    update(index, said, phase) {
      const row = this.rows[index];
      setText(row.phase, phase);
      for (const [name, text] of Object.entries(said)) setText(row.cells[name], text || "–");
    }
  }

  Object.assign(agentui, { RaceLane: Lane, RaceBoard: Board });
})();
