/* The usage table as CSV, the same text as that of `agentui export --format usage-csv` (agentui/usage_csv.py). */
(() => {
  const agentui = (window.agentui ??= {});
  /* An answer that came within less time says nothing about how fast the model writes. */
  const LEAST_GENERATING_S = 0.02;

  const decimal = (number, digits) => (number == null ? null : number.toFixed(digits));
  /* A foreign text that no spreadsheet takes for a formula. */
  const plain = (text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
  const flag = (value) => (value ? "True" : "False");
  const speed = ({ usage, generating }) =>
    generating >= LEAST_GENERATING_S && usage.output_tokens ? decimal(usage.output_tokens / generating, 1) : null;
  const estimateError = ({ usage, counted }) =>
    counted == null || !usage.output_tokens ? null : decimal(counted / usage.output_tokens - 1, 4);
  /* The columns of a number that may be an estimate. */
  const number = (name, cell) => [
    [name, cell],
    [`${name}_estimated`, (row) => (cell(row) == null ? null : flag(row.usage.source !== "reported"))],
  ];

  const COLUMNS = [
    ["agent", (row) => plain(row.agent)],
    ["model", (row) => plain(row.model)],
    ["step", (row) => row.step],
    ["kind", (row) => row.kind],
    ["attempt", (row) => row.attempt],
    ["failed", (row) => flag(row.failed)],
    ...number("input_tokens", ({ usage }) => usage.input_tokens),
    ...number("output_tokens", ({ usage }) => usage.output_tokens),
    ...number("total_tokens", ({ usage }) => usage.total_tokens),
    ...number("cached_input_tokens", ({ usage }) => usage.cached_input_tokens),
    ...number("reasoning_tokens", ({ usage }) => usage.reasoning_tokens),
    ["source", ({ usage }) => usage.source],
    ["margin", (row) => decimal(row.margin, 4)],
    ["counted_output_tokens", (row) => row.counted],
    ["estimate_error", estimateError],
    ...number("cost_usd", (row) => decimal(row.cost?.usd, 10)?.replace(/\.?0+$/, "") ?? null),
    ["cost_source", (row) => (row.cost ? plain(row.cost.source) : "unknown")],
    ["first_delta_s", (row) => decimal(row.first, 6)],
    ["generating_s", (row) => decimal(row.generating, 6)],
    ...number("tokens_per_s", speed),
  ];

  function field(value) {
    const text = String(value ?? "");
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  /* One row a model call; what nobody knows is empty. */
  agentui.usageCsv = (view, now) => {
    const rows = view.usageRows(now).map((row) => COLUMNS.map(([, cell]) => cell(row)));
    return [COLUMNS.map(([name]) => name), ...rows].map((row) => `${row.map(field).join(",")}\n`).join("");
  };
})();
