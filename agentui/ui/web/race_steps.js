/* The steps of several runs in rows: what all of them did in their first step, in their second, and so on. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el } = agentui;

  /* One step of one lane. A step that has ended is not drawn again. */
  class Cell {
    constructor(name) {
      this.empty = el("p", "au-race-none", "–");
      this.empty.setAttribute("aria-label", `${name}: no such step`);
      this.node = el("div", "au-race-cell au-transcript", el("p", "au-race-whose", name), this.empty);
      this.end = null;
    }
    update(step, view, now, artifactUrl) {
      if (!step || (this.end && this.end === step.end)) return;
      if (!this.card) {
        this.card = new agentui.StepCard({ artifactUrl }, view.runId);
        this.empty.replaceWith(this.card.node);
      }
      this.card.update(step, view, now);
      this.end = step.end;
    }
  }

  class RaceSteps {
    constructor(names, artifactUrl) {
      Object.assign(this, { names, artifactUrl });
      this.rows = new Map();
      this.node = el("div", "au-race-steps au-scroll");
      this.node.style.setProperty("--lanes", names.length);
      this.node.tabIndex = 0;
      this.node.setAttribute("role", "group");
      this.node.setAttribute("aria-label", "Steps side by side");
    }
    /* runs: a WatchedRun for each lane, null for one that never ran. */
    update(runs) {
      const rows = agentui.compare.alignSteps(runs.map((run) => run?.view));
      for (const { number, steps } of rows) {
        const row = this.rows.get(number) ?? this.add(number);
        steps.forEach((step, lane) => row[lane].update(step, runs[lane]?.view, runs[lane]?.now(), this.artifactUrl));
      }
    }
    add(number) {
      const cells = this.names.map((name) => new Cell(name));
      const row = el("div", "au-race-row", ...cells.map(({ node }) => node));
      row.setAttribute("role", "group");
      row.setAttribute("aria-label", `Step ${number}`);
      this.rows.set(number, cells);
      this.node.append(row);
      return cells;
    }
  }

  agentui.RaceSteps = RaceSteps;
})();
