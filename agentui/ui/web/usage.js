/* The usage table: one row a model call, and a total. Cells are written only when their text changes. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText, count, tokens, percent, seconds, money } = agentui;

  const rate = (row) =>
    row.generating > 0.02 && row.usage.output_tokens ? marked(row, Math.round(row.usage.output_tokens / row.generating)) : "–";
  const marked = (row, n) => tokens(n, row.usage.source);
  /* The estimate while it is one, with what this model's estimates were off by; then the number itself. */
  function output(row) {
    const margin = row.margin != null && row.usage.source !== "reported" ? ` ±${row.margin < MANIFOLD + 1 ? percent(row.margin) : `×${count(Math.round(row.margin))}`}` : "";
    return marked(row, row.usage.output_tokens) + margin;
  }
  function settled(row) {
    if (row.counted == null || row.usage.source !== "reported") return "–";
    const actual = row.usage.output_tokens;
    const off = actual ? `, ${signed(row.counted / actual - 1)}` : "";
    return `≈${count(row.counted)} → ${count(actual)}${off}`;
  }
  const MANIFOLD = 9;
  const signed = (x) => {
    const text = percent(Math.abs(x));
    // Many times the number is nothing that anybody thinks of as a share.
    if (x >= MANIFOLD) return `×${count(Math.round(x + 1))}`;
    return text === "0 %" ? "±0 %" : `${x < 0 ? "−" : "+"}${text}`;
  };
  const COLUMNS = [
    ["Step", "Step of the run", (row) => `${row.agent ? `${row.agent} ` : ""}${row.step}${row.failed ? " (retried)" : ""}`],
    ["Model", "Model that was asked", (row) => row.model],
    ["Input", "Input tokens", (row) => marked(row, row.usage.input_tokens)],
    ["Cached", "Input tokens read from the server's cache", (row) => marked(row, row.usage.cached_input_tokens)],
    ["Output", "Output tokens; ± is what estimates for this model were off by before", output],
    ["Estimate", "Output as estimated while it streamed → as the server reported it, and how far off the estimate was", settled],
    ["Reasoning", "Output tokens spent on reasoning", (row) => marked(row, row.usage.reasoning_tokens)],
    ["Total", "Input and output tokens", (row) => marked(row, row.usage.total_tokens)],
    ["Cost", "US dollars; unknown where no price is known", (row) => money(row.cost, row.usage.source)],
    ["Source", "Reported by the server, or estimated here (≈)", (row) => row.usage.source],
    ["First delta", "Time from the request to the first delta", (row) => seconds(row.first) || "–"],
    ["Tok/s", "Output tokens a second, from the first delta to the last", rate],
  ];
  const COST = COLUMNS.findIndex(([name]) => name === "Cost");
  const NOTHING = "–";

  function totalRow(view, rows) {
    return {
      step: "Total",
      model: `${rows.length} ${rows.length === 1 ? "call" : "calls"}`,
      usage: view.usage,
      /* Tokens of calls without a time would make it look fast. */
      generating: rows.every((row) => row.generating != null) ? rows.reduce((all, row) => all + row.generating, 0) : null,
      cost: view.cost,
      live: !view.end && rows[rows.length - 1]?.live,
      margin: null,
    };
  }

  const SAME = ["usage", "cost", "counted", "margin", "live", "first", "generating"];

  class UsageTable {
    /* onSelect(index): the row of a call in this step was chosen. */
    constructor(onSelect = () => {}) {
      this.onSelect = onSelect;
      const head = el("tr", "");
      for (const [name, title] of COLUMNS) {
        const cell = el("th", "", name);
        cell.scope = "col";
        cell.title = title;
        head.append(cell);
      }
      this.body = el("tbody", "");
      this.total = this.makeRow();
      this.table = el("table", "", el("thead", "", head), this.body, el("tfoot", "", this.total));
      this.table.id = "usage-table";
      this.scroller = el("div", "au-usage au-scroll", this.table);
      this.scroller.tabIndex = 0;
      this.scroller.setAttribute("role", "region");
      this.scroller.setAttribute("aria-label", "Usage table");
      this.prices = el("p", "au-prices");
      this.frame = el("div", "au-usage-frame", this.scroller);
      this.node = el("div", "", this.frame, this.prices);
      this.scroller.addEventListener("keydown", (event) => this.key(event));
      this.scroller.addEventListener("scroll", () => this.hint(), { passive: true });
      const resized = new ResizeObserver(() => this.hint());
      resized.observe(this.scroller);
      resized.observe(this.table);
      this.download = el("button", "au-button au-csv", "CSV");
      this.download.type = "button";
      this.download.title = "Download this table as a CSV file";
      this.download.addEventListener("click", () => this.save());
      this.rows = new Map();
      this.clear();
    }
    makeRow() {
      const row = el("tr", "", ...COLUMNS.map(([name]) => el(name === "Step" ? "th" : "td", "")));
      row.cells[0].scope = "row";
      return row;
    }
    write(row, texts) {
      texts.forEach((text, index) => {
        setText(row.cells[index].firstElementChild ?? row.cells[index], text);
        if (text !== NOTHING) this.known.add(index);
      });
      this.written.add(row);
    }
    /* Columns in which no row has anything only take the place of others; the CSV has them. */
    hideEmpty() {
      const changed = this.known.size !== this.hiddenFor;
      this.hiddenFor = this.known.size;
      for (const row of changed ? this.table.rows : this.written)
        COLUMNS.forEach((_, index) => {
          const cell = row.cells[index];
          if (cell.hidden === this.known.has(index)) cell.hidden = !cell.hidden;
        });
      this.written.clear();
    }
    /* A shadow where more of the table is out of sight. */
    hint() {
      const { scrollWidth, clientWidth, scrollLeft } = this.scroller;
      this.frame.dataset.more = String(scrollWidth - clientWidth - scrollLeft > 1);
    }
    clear() {
      this.shown = null;
      this.table.hidden = true;
      this.rows.clear();
      this.body.replaceChildren();
      /* Columns in which a row has something, rows that were written since columns were hidden, and for how many. */
      this.known = new Set();
      this.written = new Set();
      this.hiddenFor = this.current = null;
      for (const cell of this.total.cells) setText(cell, "");
      setText(this.prices, "");
      this.download.hidden = true;
    }
    update(view, now, selected = null) {
      this.shown = { view, now };
      const rows = view.usageRows(now);
      const keys = new Set(rows.map((row) => row.key));
      for (const [key, node] of this.rows)
        if (!keys.has(key)) {
          node.remove();
          this.rows.delete(key);
          this.forget();
        }
      rows.forEach((row, index) => this.show(row, index));
      this.mark(selected);
      this.table.hidden = this.download.hidden = !rows.length;
      const free = view.start?.parent?.relation === "rerun" ? "The answers come from the recording: no model is called, and nothing is paid." : "";
      setText(this.prices, rows.length ? pricesText(rows) : free);
      if (!view.usage) return;
      const total = totalRow(view, rows);
      this.write(this.total, COLUMNS.map(([, , text]) => text(total)));
      this.total.cells[COST].title = total.cost?.source ?? "The price of at least one call is unknown";
      this.hideEmpty();
    }
    show(row, index) {
      let node = this.rows.get(row.key);
      if (!node) node = this.addRow(row);
      if (this.body.rows[index] !== node) this.body.insertBefore(node, this.body.rows[index] ?? null);
      const before = node.shown;
      if (before === row || (before && SAME.every((name) => before[name] === row[name]))) return;
      node.shown = row;
      node.classList.toggle("au-live", Boolean(row.live));
      node.cells[1].title = row.model;
      node.cells[COST].title = row.cost ? `price: ${row.cost.source}` : `The price of ${row.model} is unknown`;
      this.write(node, COLUMNS.map(([, , text]) => text(row)));
    }
    addRow(row) {
      const node = this.makeRow();
      const button = el("button", "au-usage-step");
      button.type = "button";
      button.tabIndex = this.rows.size ? -1 : 0;
      button.title = "Select this step";
      node.cells[0].append(button);
      node.addEventListener("click", () => this.onSelect(row.index));
      node.dataset.index = row.index;
      this.rows.set(row.key, node);
      this.body.append(node);
      return node;
    }
    /* A row that is gone may have been the only one with something in a column. */
    forget() {
      this.known.clear();
      for (const node of this.rows.values()) node.shown = null;
    }
    /* The rows of the selected step; one row can be reached by Tab, the others from there by arrows. */
    mark(selected) {
      const rows = this.rowsOf(selected);
      if (selected === this.current && rows.every((row) => row.ariaCurrent)) return;
      for (const row of this.body.querySelectorAll("[aria-current]")) row.removeAttribute("aria-current");
      for (const row of rows) row.setAttribute("aria-current", "step");
      if (selected !== this.current && rows[0]) this.reveal(rows[0]);
      this.current = selected;
    }
    rowsOf(index) {
      return index == null ? [] : [...this.body.querySelectorAll(`[data-index="${index}"]`)];
    }
    reveal(row) {
      for (const button of this.body.querySelectorAll('[tabindex="0"]')) button.tabIndex = -1;
      row.cells[0].firstElementChild.tabIndex = 0;
      agentui.reveal(row, this.scroller, 28); // the head and the total stand over the rows
    }
    key(event) {
      const row = event.target.closest("button")?.closest("tr");
      const to = { ArrowDown: row?.nextElementSibling, ArrowUp: row?.previousElementSibling }[event.key];
      if (!to) return;
      event.preventDefault();
      this.reveal(to);
      to.cells[0].firstElementChild.focus();
      this.onSelect(Number(to.dataset.index));
    }
    save() {
      if (!this.shown) return;
      const url = URL.createObjectURL(new Blob([agentui.usageCsv(this.shown.view, this.shown.now)], { type: "text/csv" }));
      const link = el("a", "");
      link.href = url;
      link.download = `usage-${this.shown.view.runId.slice(0, 8)}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    }
  }

  /* Where the prices come from and of what date they are; which models have none. */
  function pricesText(rows) {
    const sources = [...new Set(rows.filter((row) => row.cost).map((row) => row.cost.source))];
    const unknown = [...new Set(rows.filter((row) => !row.cost).map((row) => row.model))];
    const parts = sources.length ? [`prices: ${sources.join("; ")}`] : [];
    if (unknown.length) parts.push(`price unknown: ${unknown.join(", ")}`);
    return parts.join(" · ");
  }

  agentui.UsageTable = UsageTable;
  class UsagePanel {
    static id = "usage";
    static title = "Usage";
    constructor(inspector) {
      this.inspector = inspector;
      this.table = new UsageTable((index) => inspector.select(index, { from: "usage" }));
      this.node = el("div", "", el("div", "au-panel-head", this.table.download), this.table.node);
    }
    update(run, now) {
      this.table.update(run.view, now, this.inspector.selected);
    }
    clear() {
      this.table.clear();
    }
  }

  (agentui.panels ??= []).push(UsagePanel);
})();
