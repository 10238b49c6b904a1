/* The usage table: one row a model call, and a total. Cells are written only when their text changes. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText, count, tokens, seconds, money } = agentui;

  const rate = (row) =>
    row.generating > 0.02 && row.usage.output_tokens ? (row.usage.output_tokens / row.generating).toFixed(0) : "–";
  const COLUMNS = [
    ["Step", "Step of the run", (row) => `${row.agent ? `${row.agent} ` : ""}${row.step}${row.failed ? " (retried)" : ""}`],
    ["Model", "Model that was asked", (row) => row.model],
    ["Input", "Input tokens", (row) => tokens(row.usage.input_tokens, row.usage.source)],
    ["Cached", "Input tokens read from the server's cache", (row) => count(row.usage.cached_input_tokens)],
    ["Output", "Output tokens", (row) => tokens(row.usage.output_tokens, row.usage.source)],
    ["Reasoning", "Output tokens spent on reasoning", (row) => count(row.usage.reasoning_tokens)],
    ["Total", "Input and output tokens", (row) => tokens(row.usage.total_tokens, row.usage.source)],
    ["Source", "Reported by the server, or estimated here (≈)", (row) => row.usage.source],
    ["First", "Time to the first delta", (row) => seconds(row.first) || "–"],
    ["Tok/s", "Output tokens a second", rate],
    ["Cost", "US dollars, as far as the price is known", (row) => money(row.cost)],
  ];

  /* A sum of some prices would look like the sum of all. */
  const sumCosts = (rows) =>
    rows.every((row) => row.cost) ? { usd: rows.reduce((all, row) => all + row.cost.usd, 0) } : null;

  class UsageTable {
    constructor() {
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
      this.node = el("div", "au-usage au-scroll", this.table);
      this.rows = new Map();
      this.write(this.total, COLUMNS.map(([name]) => (name === "Step" ? "Total" : "")));
    }
    makeRow() {
      return el("tr", "", ...COLUMNS.map(([name]) => el(name === "Step" ? "th" : "td", "")));
    }
    write(row, texts) {
      texts.forEach((text, index) => setText(row.cells[index], text));
    }
    clear() {
      this.rows.clear();
      this.body.replaceChildren();
      this.write(this.total, COLUMNS.map(([name]) => (name === "Step" ? "Total" : "")));
    }
    update(view, now) {
      const rows = view.usageRows(now);
      const keys = new Set(rows.map((row) => row.key));
      for (const [key, node] of this.rows)
        if (!keys.has(key)) {
          node.remove();
          this.rows.delete(key);
        }
      for (const row of rows) {
        let node = this.rows.get(row.key);
        if (!node) {
          node = this.makeRow();
          this.rows.set(row.key, node);
          this.body.append(node);
        }
        node.classList.toggle("au-live", Boolean(row.live));
        node.cells[1].title = row.model;
        this.write(node, COLUMNS.map(([, , text]) => text(row)));
      }
      const sum = view.usage;
      if (!sum) return;
      const generating = rows.reduce((all, row) => all + (row.generating ?? 0), 0);
      const total = { step: "Total", model: `${rows.length} ${rows.length === 1 ? "call" : "calls"}`, usage: sum, first: null, generating, cost: view.end ? view.end.cost : sumCosts(rows) };
      this.table.classList.toggle("au-no-cost", !rows.some((row) => row.cost));
      this.write(this.total, COLUMNS.map(([, , text]) => text(total)));
    }
  }

  agentui.UsageTable = UsageTable;
})();
