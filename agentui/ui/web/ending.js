/* What the transcript says when a run has ended: its answer, or a card of why there is none. As agentui/ui/ending.py
   says it, of what the records have: a table is the text that was recorded of it. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, count, seconds, dollars, wasCut, notBegun, sentence, humane, cleanLine, oneLine } = agentui;
  const FOLDED = 20_000;
  const SHOWN_FOLDED = 3_000;
  const CAPS = [
    ["max_steps", "step", "steps"],
    ["max_seconds", "time", "seconds"],
    ["max_tokens", "token", "tokens"],
    ["max_cost_usd", "cost", "cost"],
  ];

  function prose(text) {
    const node = el("div", "au-prose");
    new agentui.Prose(node).update(text.trim());
    return node;
  }
  function block(text) {
    const lines = agentui.outputLines();
    lines.update(text);
    return lines.node;
  }
  /* Whether every line of a text is aligned by spaces, as tables are that were printed. */
  function aligned(text) {
    const lines = text.split("\n", 500).filter((line) => line.trim() && !/^(\.\.|\[\d+ rows|Name: |Length: )/.test(line));
    return lines.length > 1 && lines.every((line) => /^ {2,}\S|\S {2,}\S/.test(line) && !/^\s*([-*+>#]|\d+[.)]) /.test(line));
  }
  function python(value) {
    if (value == null) return "None";
    if (typeof value === "boolean") return value ? "True" : "False";
    return String(value).replace(/e([+-])(\d)$/, "e$10$2");
  }

  function answerNodes(value) {
    if (typeof value !== "string") return value != null && typeof value === "object" ? [block(JSON.stringify(value, null, 2))] : [el("p", "", python(value))];
    if (!value.trim()) return [el("p", "", "(an empty text)")];
    if (aligned(value)) return [block(value)];
    if (value.length <= FOLDED) return [prose(value)];
    const button = el("button", "au-button", `Show all ${count(value.length)} characters`);
    const folded = el("div", "au-folded", button);
    button.type = "button";
    button.addEventListener("click", () => {
      const whole = el("pre", "au-text au-whole", value);
      whole.tabIndex = 0;
      whole.setAttribute("aria-label", "The whole answer");
      button.disabled = true;
      folded.append(whole);
      whole.focus();
    });
    return [prose(`${value.slice(0, SHOWN_FOLDED)} …`), folded];
  }

  /* What became of the last step of an ended run, such as "cut short"; "" if it was finished. */
  function leftUndone(view) {
    const { step } = view;
    if (!step?.end || !view.end) return "";
    if (wasCut(step)) return notBegun(step) ? "not begun" : "cut short";
    return view.end.status === "failed" && step.end.error && view.end.error?.includes(step.end.error) ? "failed" : "";
  }

  function titleAndWhy(view) {
    const { status, error } = view.end;
    if (status === "stopped") return ["Stopped", agentui.stopProof(view)];
    const said = cleanLine(oneLine(sentence(humane(error ?? ""))));
    if (status !== "limit") {
      const known = !error || (view.step?.end?.error && error.includes(view.step.end.error));
      return ["Failed", known ? "" : said];
    }
    const [, name, used] = /^the (\w+) limit is used up \(([^)]*)\)/.exec(error ?? "") ?? [];
    return name ? [`${name[0].toUpperCase()}${name.slice(1)} limit reached`, used] : ["Limit reached", said];
  }

  function spent(view, runs) {
    const used = agentui.usedBefore(view, runs);
    const steps = view.steps.filter((step) => step.kind === "action" && step.end && !wasCut(step)).length + used.steps;
    const undone = leftUndone(view);
    const taken = steps ? `${count(steps)} finished ${steps === 1 ? "step" : "steps"}` : "no finished step";
    const mark = view.usage?.source === "reported" && used.exact ? "" : "≈";
    const all = (view.usage?.total_tokens ?? 0) + used.tokens;
    const cost = view.cost && used.priced ? `${mark}${dollars(view.cost.usd + used.usd)}` : "cost unknown";
    return `Spent: ${taken}${undone ? `, one ${undone}` : ""} · ${seconds(view.end.duration_s + used.seconds)} · ${mark}${count(all)} tokens · ${cost}`;
  }

  /* The last message of an ended run. */
  function endRow(view, runs) {
    const { status, output } = view.end;
    if (status === "completed") {
      const row = agentui.messageRow("bot", el("div", "au-answer", ...answerNodes(output)));
      row.setAttribute("aria-label", "Answer");
      return row;
    }
    const [title, why] = titleAndWhy(view);
    const head = el("div", "au-card-head", el("b", "", title), " ", why ? el("span", "", why) : null);
    return agentui.messageRow("bot", el("div", `au-card au-card-${status}`, head, el("div", "", spent(view, runs))));
  }

  /* Where a run goes on from, and with which caps. */
  function resumedText(view, runs) {
    const { parent, limits } = view.start;
    const before = runs.get(parent.run_id)?.view;
    const undone = before ? leftUndone(before) : "";
    let where = "Goes on with the task of the run before";
    if (parent.step && undone) where = `Goes on with step ${parent.step} of the run before, which ${undone === "failed" ? "" : "was "}${undone}`;
    else if (parent.step) where = `Goes on after step ${parent.step} of the run before`;
    const was = before?.start?.limits ?? limits;
    const amount = (cap, value) => (value == null ? "none" : cap === "max_cost_usd" ? dollars(value) : count(value));
    const raised = CAPS.filter(([cap]) => (was[cap] ?? null) !== (limits[cap] ?? null));
    return [where, ...raised.map(([cap, , name]) => `${name} ${amount(cap, was[cap])} → ${amount(cap, limits[cap])}`)].join(" · ");
  }

  Object.assign(agentui, { endRow, resumedText });
})();
