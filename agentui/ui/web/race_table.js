/* The comparison of a finished race: a table with a column a lane; what each lane used and was best at, every step beside
   the same step of the others with its code as it differs, and the answers. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, seconds, tokens, dollars, count, compare } = agentui;
  const MARKS = { same: " ", gone: "−", new: "+" };
  const MAX_ANSWER = 20_000;

  const head = (scope, ...children) => {
    const cell = el("th", "", ...children);
    cell.scope = scope;
    return cell;
  };
  const group = (title, ...rows) => {
    const cell = head("rowgroup", title);
    return el("tbody", "", el("tr", "au-compare-group", cell), ...rows);
  };

  const SHOWN = {
    seconds: ({ seconds: took }) => seconds(took),
    tokens: ({ tokens: all, exact }) => (all == null ? "–" : tokens(all, exact ? "reported" : "estimated")),
    usd: ({ usd, exact }) => (usd == null ? "unknown" : `${exact ? "" : "≈"}${dollars(usd)}`),
    steps: ({ steps }) => count(steps),
  };

  function metricRow(metric, all, won) {
    const { name, best } = compare.METRICS[metric];
    const cells = all.map((one, lane) => {
      const wins = won[metric]?.lanes.includes(lane);
      const ribbon = wins ? el("span", "au-ribbon", won[metric].tie ? `${best}, tied` : best) : null;
      return el("td", wins ? "au-best" : "", one ? SHOWN[metric](one) : "–", wins ? " " : null, ribbon);
    });
    const equal = !won[metric] && all.filter((one) => one?.completed && one[metric] != null).length > 1;
    return el("tr", "", head("row", name, equal ? el("span", "au-small au-compare-equal", "all equal") : null), ...cells);
  }

  /* A text, with what is different from that of another lane: {text, name}. what: "code" or "answer". */
  function diffBlock(what, text, other, name) {
    const lines = other && compare.lineDiff(other.text, text);
    if (lines && lines.every(({ mark }) => mark === "same")) return el("p", "au-small", `The same ${what} as ${other.name}.`);
    const shown = lines ?? text.split("\n").map((line) => ({ mark: "same", text: line }));
    const about = other ? (lines ? `Compared with ${other.name}` : `Too long to be compared with ${other.name}`) : "";
    const box = el("pre", "au-diff", ...shown.map(({ mark, text }) => el("span", `au-diff-${mark}`, `${lines ? MARKS[mark] : " "} ${text}\n`)));
    box.tabIndex = 0;
    box.setAttribute("aria-label", `${what[0].toUpperCase()}${what.slice(1)} of ${name}${about ? `. ${about}: lines with + are here only, lines with − there only` : ""}`);
    return el("div", "", about ? el("p", "au-small", about) : null, box);
  }

  function stepCell(step, other, name) {
    if (!step) return el("td", "au-race-none", "–");
    const outcome = compare.outcome(step);
    const usage = step.total;
    const facts = [
      step.end ? seconds(step.end.timing.finished - step.end.timing.started) : "",
      usage ? `${tokens(usage.total_tokens, usage.source)} tokens` : "",
      step.end?.cost ? `${usage?.source === "reported" ? "" : "≈"}${dollars(step.end.cost.usd)}` : usage ? "cost unknown" : "",
    ].filter(Boolean);
    const failed = outcome === "failed";
    const error = failed ? el("p", "au-compare-error", step.end.error.trim().split("\n").pop().slice(0, 300)) : null;
    const code = `${step.code}`.trimEnd();
    return el(
      "td",
      "",
      el("p", "au-compare-facts", el("b", failed ? "au-failed" : "", outcome), ` · ${facts.join(" · ")}`),
      error,
      code ? diffBlock("code", code, other, name) : null,
    );
  }

  function stepRow({ number, steps }, names) {
    const codes = steps.map((step, lane) => ({ text: step ? `${step.code}`.trimEnd() : "", name: names[lane] }));
    const neighbour = (lane) => {
      const before = codes.slice(0, lane).filter(({ text }) => text);
      return before.find(({ text }) => text === codes[lane].text) ?? before.at(-1) ?? null;
    };
    return el("tr", "", head("row", `Step ${number}`), ...steps.map((step, lane) => stepCell(step, neighbour(lane), names[lane])));
  }

  function outputText({ end: { output } }) {
    const text = typeof output === "string" ? output : (JSON.stringify(output, null, 2) ?? "null");
    return text.length > MAX_ANSWER ? `${text.slice(0, MAX_ANSWER)} …` : text;
  }

  function answerNode(view) {
    const text = outputText(view);
    if (typeof view.end.output !== "string") return el("pre", "", text);
    const prose = el("div", "au-prose");
    new agentui.Prose(prose).update(text);
    return el("div", "au-transcript", el("div", "md", prose));
  }

  function answerRow(views, names) {
    const groups = compare.answerGroups(views);
    const longer = (lane) => (groups[lane] == null ? 0 : outputText(views[lane]).includes("\n"));
    const cells = views.map((view, lane) => {
      if (groups[lane] == null) return el("td", "au-race-none", "no answer");
      const first = groups.indexOf(groups[lane]);
      if (first < lane) return el("td", "", el("p", "au-small", `The same as ${names[first]}'s.`));
      const box = el("div", "au-compare-answer", answerNode(view));
      box.tabIndex = 0;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", `Answer of ${names[lane]}`);
      const before = groups.findLastIndex((group, other) => group != null && other < lane);
      if (before < 0 || !(longer(lane) && longer(before))) return el("td", "", box);
      const other = { text: outputText(views[before]), name: names[before] };
      const diff = diffBlock("answer", outputText(view), other, names[lane]);
      return el("td", "", box, el("details", "au-compare-differs", el("summary", "", `What differs from ${other.name}`), diff));
    });
    return [compare.verdict(groups), el("tr", "", head("row", "Answer"), ...cells)];
  }

  /* The table. lanes: [{name, problem}]; views: their runs, null for one that never ran; buttons: one under each name. */
  function raceTable(lanes, views, buttons) {
    const names = lanes.map(({ name }) => name);
    const all = views.map((view) => view && compare.metrics(view, view.t));
    const won = compare.ribbons(all);
    const status = views.map((view, lane) => el("td", ["completed", "stopped"].includes(view?.end?.status) ? "" : "au-failed", view ? agentui.phaseText(view, view.t) : lanes[lane].problem));
    const [verdict, answers] = answerRow(views, names);
    const table = el(
      "table",
      "au-compare",
      el("caption", "au-hidden", "Comparison of the lanes"),
      el("thead", "", el("tr", "", el("td"), ...names.map((name, lane) => head("col", name, buttons[lane])))),
      group("Result", el("tr", "", head("row", "Ended"), ...status), ...Object.keys(compare.METRICS).map((metric) => metricRow(metric, all, won))),
      group(verdict, answers),
      group("Step by step", ...compare.alignSteps(views).map((row) => stepRow(row, names))),
    );
    for (const cell of table.querySelectorAll(".au-compare-group th")) cell.colSpan = lanes.length + 1;
    table.style.setProperty("--lanes", lanes.length);
    return table;
  }

  /* What each lane was best at, in words. */
  function awards(views) {
    const won = compare.ribbons(views.map((view) => view && compare.metrics(view, view.t)));
    return views.map((_, lane) =>
      Object.entries(won).flatMap(([metric, { lanes, tie }]) =>
        lanes.includes(lane) ? [tie ? `${compare.METRICS[metric].best}, tied` : compare.METRICS[metric].best] : [],
      ),
    );
  }

  Object.assign(agentui, { raceTable, raceAwards: awards });
})();
