/* The State panel: variables and files as they are after the selected step, or after the newest, those first that the
   step changed. It is made of a run's view alone, whatever that is folded up to. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText, count, stateAfter } = agentui;
  const MAX_ROWS = 300;
  const WORDS = { added: "new", changed: "changed", removed: "removed" };

  const many = (n, one, more) => `${count(n)} ${n === 1 ? one : more}`;
  const bytes = (n) =>
    n < 1000 ? `${n} bytes` : n < 1e6 ? `${(n / 1000).toFixed(1)} kB` : `${(n / 1e6).toFixed(1)} MB`;
  const kindOf = ({ type, size }) => (size == null ? type : `${type} ${size}`);
  /* How the two sorts of rows are shown: their heads, the cell between name and value, the value, what is searched. */
  const VARIABLES = {
    heads: ["Name", "Type", "Value"],
    middle: kindOf,
    value: ({ repr }) => repr,
    words: ({ name, type, repr }) => [name, type, repr],
  };
  const FILES = { heads: ["File", "", "Size"], middle: () => "", value: (file) => bytes(file.size_bytes), words: ({ name }) => [name] };

  /* The step whose state is shown, and the one that ran it. */
  function shownStep(view, selected) {
    const step = view.steps[selected ?? view.steps.length - 1];
    return { step, number: step?.number ?? 0 };
  }

  /* What a step did, in a sentence. */
  function summary(view, step, state) {
    const changed = [...state.variables, ...state.files].filter((row) => row.change).length;
    if (changed) return "";
    if (!step) return "";
    if (step.codeStarted != null && !step.end) return `Step ${step.number} runs its code: what it changes is shown when that has ended.`;
    return step.end ? `Step ${step.number} changed nothing.` : "";
  }

  /* An old value and what it became; hearers are told which is which. */
  function valueCell(row, sort) {
    const [now, old] = [row.now, row.change === "changed" ? row.before : null].map((item) => item && sort.value(item));
    if (row.change === "removed") return el("td", "au-value", el("del", "", now));
    if (old == null || old === now) return el("td", "au-value", now);
    return el("td", "au-value", el("span", "au-hidden", "was "), el("del", "", old), " ", el("span", "au-arrow", "→"), " ", el("ins", "", now));
  }

  function rowOf(row, sort) {
    const { now, before, change } = row;
    const name = el("th", "au-name", now.name);
    name.scope = "row";
    if (change) name.append(" ", el("span", `au-change au-${change}`, WORDS[change]));
    const [kind, old] = [now, before].map((item) => item && sort.middle(item));
    const middle = el("td", "au-kind", change === "changed" && old !== kind ? `${old} → ${kind}` : kind);
    return el("tr", change ? "au-touched" : "", name, middle, valueCell(row, sort));
  }

  class Rows {
    constructor(title, sort) {
      this.sort = sort;
      this.title = el("h3", "", title);
      const heads = sort.heads.map((text) => Object.assign(el("th", "", text), { scope: "col" }));
      this.body = el("tbody", "");
      this.table = el("table", "au-state", el("thead", "", el("tr", "", ...heads)), this.body);
      this.more = el("p", "au-state-note");
      this.node = el("section", "au-state-part", this.title, this.table, this.more);
    }
    show(rows, wanted) {
      const found = rows.filter((row) => this.sort.words(row.now).some((word) => word.toLowerCase().includes(wanted)));
      this.node.hidden = !rows.length;
      this.table.hidden = !found.length;
      this.body.replaceChildren(...found.slice(0, MAX_ROWS).map((row) => rowOf(row, this.sort)));
      const hidden = found.length - MAX_ROWS;
      setText(this.more, hidden > 0 ? `${many(hidden, "more is", "more are")} here: use the filter.` : found.length ? "" : "None has that in it.");
      return found.length;
    }
  }

  class StatePanel {
    static id = "state";
    static title = "State";
    constructor(inspector) {
      this.inspector = inspector;
      this.about = el("p", "au-state-about");
      this.filter = el("input", "au-state-filter");
      this.filter.type = "search";
      this.filter.placeholder = "Filter";
      this.filter.setAttribute("aria-label", "Filter variables and files");
      this.filter.addEventListener("input", () => this.draw());
      this.said = el("p", "au-state-note");
      this.variables = new Rows("Variables", VARIABLES);
      this.files = new Rows("Files", FILES);
      this.notes = el("ul", "au-state-notes");
      this.empty = el("p", "au-empty", "Variables and files appear here when code has run.");
      const head = el("div", "au-panel-head au-state-head", this.about, this.filter);
      this.full = el("div", "", head, this.said, this.variables.node, this.files.node, this.notes);
      this.node = el("div", "", this.empty, this.full);
      this.clear();
    }
    clear() {
      this.view = this.key = null;
      this.filter.value = "";
      this.full.hidden = true;
      this.empty.hidden = false;
    }
    update(run) {
      const { view } = run;
      const { step, number } = shownStep(view, this.inspector.selected);
      const key = [view.runId, number, view.changes.length, Boolean(step?.end), step?.codeStarted, Boolean(view.restored)].join();
      if (key === this.key && view === this.view) return;
      Object.assign(this, { key, view, step, state: stateAfter(view.changes, number) });
      this.draw();
    }
    draw() {
      if (!this.state) return;
      const { view, step, state } = this;
      const notes = notesOf(view, state);
      const something = Boolean(view.changes.length || notes.length);
      this.full.hidden = !something;
      this.empty.hidden = something;
      const wanted = this.filter.value.trim().toLowerCase();
      const there = (rows) => rows.filter((row) => row.change !== "removed").length;
      const counts = [many(there(state.variables), "variable", "variables"), many(there(state.files), "file", "files")];
      setText(this.about, `${step ? `After step ${step.number}` : "Before the first step"}: ${counts.join(", ")}`);
      setText(this.said, summary(view, step, state));
      this.variables.show(state.variables, wanted);
      this.files.show(state.files, wanted);
      this.notes.replaceChildren(...notes.map((text) => el("li", "", text)));
    }
  }

  /* What is not known of the state. */
  function notesOf(view, state) {
    const notes = Object.entries(view.restored?.missing ?? {}).map(([name, why]) => `Not as it was: ${name}, ${why}.`);
    if (state.left_out) notes.push(`${many(state.left_out, "more variable or file is", "more variables and files are")} new or changed and not described.`);
    return notes;
  }

  agentui.StatePanel = StatePanel;
  (agentui.panels ??= []).push(StatePanel);
})();
