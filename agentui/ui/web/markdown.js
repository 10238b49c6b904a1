/* A run as Markdown for people, in the words of agentui/export.py. Pure: a folded run in, a text out. */
(() => {
  const agentui = (window.agentui ??= {});
  const { count, tokens } = agentui;

  /* Text as a code block that nothing inside can close. */
  function fenced(text, language = "") {
    const longest = Math.max(2, ...(String(text).match(/`{3,}/g) ?? []).map((run) => run.length));
    const fence = "`".repeat(longest + 1);
    return `${fence}${language}\n${String(text).trimEnd()}\n${fence}`;
  }
  const json = (value) => fenced(JSON.stringify(value, null, 2), "json");
  const lines = (text) => String(text).split(/\r\n|\r|\n/);
  const quoted = (text) => lines(text).map((line) => `> ${line}`.trimEnd()).join("\n");

  function money(cost, usage) {
    const mark = usage.source === "reported" ? "" : "≈";
    return cost.usd >= 1e-4 || !cost.usd ? `${mark}$${cost.usd.toFixed(4)}` : "<$0.0001";
  }
  /* Tokens in words, estimates marked, and dollars where they are known. */
  function spent(usage, cost) {
    const words = `${tokens(usage.input_tokens, usage.source)} tokens in, ${tokens(usage.output_tokens, usage.source)} out`;
    return cost ? `${words} (${money(cost, usage)})` : words;
  }

  function compaction(event) {
    const how = event.summarised ? "a summary" : `${event.elided_observations} observations left out`;
    return `Context shortened from ≈${count(event.before_tokens)} to ≈${count(event.after_tokens)} tokens: ${how}`;
  }
  function retry(event) {
    const paid = event.usage ? ` (${spent(event.usage, event.cost)})` : "";
    const said = `Attempt ${event.attempt} failed${paid} and was sent again: ${event.reason}`;
    return event.partial ? [said, fenced(event.partial, "text")] : [said];
  }
  function call({ started, finished, subagent }) {
    const parts = [`Call of \`${started.name}\``, json(started.arguments)];
    if (subagent) parts.push(quoted(written(subagent).join("\n\n")));
    if (!finished) return parts;
    const took = `after ${finished.duration_s.toFixed(1)} s`;
    if (finished.error != null) return [...parts, `Failed ${took}`, fenced(finished.error, "text")];
    return [...parts, `Returned ${took}`, json(finished.result)];
  }
  function artifact({ name, media_type: type, size_bytes: size }) {
    return `${type.startsWith("image/") ? "Image" : "Artifact"}: ${name} (${type}, ${count(size)} bytes)`;
  }
  function step(view) {
    const { end, closed } = view;
    const parts = [`## ${view.kind === "planning" ? "Plan" : "Step"} ${view.number}`, ...view.retries.flatMap(retry)];
    if (view.reasoning.length) parts.push(quoted(view.reasoning));
    parts.push(String(view.thought));
    if (view.code.length) parts.push(fenced(view.code, "python"));
    parts.push(...[...view.calls.values()].flatMap(call));
    if (view.output.length) parts.push(fenced(view.output, "text"));
    parts.push(...view.artifacts.map(artifact));
    if (closed) parts.push(`Connection to the model closed after ${Math.round(closed.after_s * 1000)} ms, ${spent(closed.usage)}`);
    if (end?.error) parts.push(fenced(end.error, "text"));
    if (end?.usage) parts.push(spent(end.usage, end.cost));
    return parts;
  }
  const said = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

  function written(view) {
    const { start, end } = view;
    const task = start?.task.trim() ?? "";
    const title = task ? lines(task)[0] : "A run";
    const parts = [`# ${title}`];
    if (start) {
      const used = view.usage ? spent(view.usage, end?.cost) : "no tokens yet";
      parts.push(`Model ${start.model} · agentui ${start.agentui_version} · ${view.t.toFixed(1)} s · ${used}`);
    }
    if (task && task !== title) parts.push(fenced(task, "text"));
    parts.push(...view.compactions.map(compaction), ...view.steps.flatMap(step));
    if (end) {
      const status = end.status[0].toUpperCase() + end.status.slice(1);
      parts.push(`## ${status}`, end.status === "completed" ? said(end.output) : String(end.error ?? ""));
    }
    return parts.filter(Boolean);
  }

  /* The whole run as a document that reads from top to bottom; without the usage table, which is a file of its own. */
  agentui.runMarkdown = (view) => `${written(view).join("\n\n")}\n`;
})();
