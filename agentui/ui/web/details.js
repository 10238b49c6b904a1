/* The inside of an opened step: times, tokens and every text as a whole. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText, seconds, tokens, money } = agentui;
  const retried = ({ attempt, reason, wait_s: wait }) => `${attempt}. ${reason}\n   tried again after ${seconds(wait)}`;
  const TEXTS = [
    ["Retries", (step) => step.retries.map((retry, index) => retried({ ...retry, attempt: index + 1 })).join("\n")],
    ["Reasoning", (step) => step.reasoning],
    ["Thought", (step) => step.thought],
    ["Code", (step) => step.code],
    ["Output", (step) => step.output],
    ["Observation", (step) => step.end?.observation ?? ""],
    ["Error", (step) => step.end?.error ?? ""],
  ];

  function facts(step, now) {
    const found = [];
    for (const span of step.spans(now))
      found.push([{ waiting: "First delta", generating: "Generated", running: "Ran code" }[span.kind], seconds(span.to - span.from)]);
    const usage = step.total;
    if (usage) {
      found.push(["Tokens in", tokens(usage.input_tokens, usage.source)], ["Tokens out", tokens(usage.output_tokens, usage.source)]);
      if (usage.reasoning_tokens != null) found.push(["Reasoning", tokens(usage.reasoning_tokens, usage.source)]);
    }
    if (usage) found.push(["Cost", money(step.end ? step.end.cost : step.cost, usage.source)]);
    if (step.closed) found.push(["Upstream closed after", seconds(step.closed.after_s)]);
    found.unshift(["Started at", seconds(step.started)]);
    return found;
  }

  function callText(call) {
    const { started, finished } = call;
    const given = Object.entries(started.arguments ?? {}).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
    const end = finished ? (finished.error ? `failed: ${finished.error}` : JSON.stringify(finished.result)) : "…";
    const inside = call.subagent ? `   ${call.subagent.steps.length} steps of its own` : "";
    return `${started.name}(${given.join(", ")}) → ${end}${finished ? `   ${seconds(finished.duration_s)}` : ""}${inside}`;
  }

  class StepDetails {
    constructor(node) {
      this.facts = el("dl", "au-facts");
      this.calls = this.section("Tool calls");
      this.texts = TEXTS.map(([name]) => this.section(name));
      node.replaceChildren(this.facts, ...this.texts.slice(0, 5).map((part) => part.node), this.calls.node, ...this.texts.slice(5).map((part) => part.node));
    }
    section(name) {
      const pre = el("pre", "au-text");
      pre.tabIndex = 0;
      pre.setAttribute("aria-label", name);
      const copy = agentui.copyButton("au-copy", "Copy", `Copy: ${name}`, () => pre.textContent);
      const head = el("div", "au-part-head", el("h3", "", name), copy);
      const node = el("section", `au-part au-part-${name.toLowerCase().replace(" ", "-")}`, head, pre);
      node.hidden = true;
      return { node, pre, shown: 0, text: "" };
    }
    show(part, text) {
      part.node.hidden = !text;
      if (part.text === text) return;
      // A text that only grew is appended to: what somebody has selected stays selected.
      if (part.pre.firstChild && text.startsWith(part.text)) part.pre.firstChild.appendData(text.slice(part.text.length));
      else part.pre.replaceChildren(document.createTextNode(text));
      part.text = text;
    }
    update(step, now) {
      const found = facts(step, now);
      while (this.facts.children.length > found.length) this.facts.lastChild.remove();
      found.forEach(([name, value], index) => {
        const pair = this.facts.children[index] ?? this.facts.appendChild(el("div", "", el("dt", ""), el("dd", "")));
        setText(pair.children[0], name);
        setText(pair.children[1], value);
      });
      TEXTS.forEach(([, text], index) => this.show(this.texts[index], String(text(step))));
      this.show(this.calls, [...step.calls.values()].map(callText).join("\n"));
    }
  }

  agentui.StepDetails = StepDetails;
})();
