/* Comparing runs: their steps side by side, who was best at what, how their codes and answers differ. Pure functions
   of folded runs; no DOM. */
(() => {
  const agentui = (window.agentui ??= {});
  const MAX_LINES = 400;

  /* What a run has used up to `now`; null where nobody knows. `exact` is false while tokens are estimated. */
  function metrics(view, now) {
    const { usage, cost } = view;
    return {
      completed: view.end?.status === "completed",
      seconds: view.end ? view.end.duration_s : now,
      tokens: usage?.total_tokens ?? null,
      usd: usage ? (cost?.usd ?? null) : null,
      steps: view.actions - (view.step && agentui.notBegun(view.step) ? 1 : 0),
      exact: usage?.source === "reported",
    };
  }

  /* The metrics that somebody can be best at, all of them best when small. Times that are shown as equal are. */
  const METRICS = {
    seconds: { name: "Time", best: "fastest", of: (one) => Math.round(one.seconds * 10) },
    tokens: { name: "Tokens", best: "fewest tokens", of: (one) => one.tokens },
    usd: { name: "Cost", best: "cheapest", of: (one) => one.usd },
    steps: { name: "Steps", best: "fewest steps", of: (one) => one.steps },
  };

  /* Who is best at what: `{metric: {lanes: [index, …], tie}}`. Only a completed run can win, against another one, with
     a number that is known; where all of these are equal nobody does. `all` has null for a lane that never ran. */
  function ribbons(all) {
    const won = {};
    for (const [metric, { of }] of Object.entries(METRICS)) {
      const racing = all.flatMap((one, lane) => (one?.completed && of(one) != null ? [{ lane, value: of(one) }] : []));
      const best = Math.min(...racing.map(({ value }) => value));
      const lanes = racing.filter(({ value }) => value === best).map(({ lane }) => lane);
      if (racing.length > lanes.length) won[metric] = { lanes, tie: lanes.length > 1 };
    }
    return won;
  }

  /* Rows of `{number, steps: [step or null, …]}`: the steps of all runs that have the same number. */
  function alignSteps(views) {
    const numbers = new Set(views.flatMap((view) => view?.steps.map((step) => step.number) ?? []));
    return [...numbers]
      .sort((a, b) => a - b)
      .map((number) => ({ number, steps: views.map((view) => view?.steps.find((step) => step.number === number) ?? null) }));
  }

  /* How a step ended, in a few words. */
  function outcome(step) {
    const { end } = step;
    if (!end) return "goes on";
    if (agentui.notBegun(step)) return "not begun";
    if (agentui.wasCut(step)) return "cut short";
    if (end.error) return "failed";
    if (end.is_final) return "answered";
    return step.kind === "planning" ? "planned" : end.code == null ? "no code" : "ran";
  }

  /* Lengths of the longest common subsequences of the rests of two lists of lines, row by row. */
  function commonRests(a, b) {
    const width = b.length + 1;
    const table = new Uint16Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; i--)
      for (let j = b.length - 1; j >= 0; j--)
        table[i * width + j] =
          a[i] === b[j] ? table[(i + 1) * width + j + 1] + 1 : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
    return (i, j) => table[i * width + j];
  }

  /* How two texts differ, line by line: `[{mark: "same" | "gone" | "new", text}, …]`; null if they are too long. */
  function lineDiff(before, after) {
    const [a, b] = [before, after].map((text) => (text === "" ? [] : text.split("\n")));
    let head = 0;
    while (head < a.length && head < b.length && a[head] === b[head]) head++;
    let tail = 0;
    while (tail < Math.min(a.length, b.length) - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
    const [left, right] = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)];
    if (left.length > MAX_LINES || right.length > MAX_LINES) return null;
    const mark = (kind) => (text) => ({ mark: kind, text });
    const lines = b.slice(0, head).map(mark("same"));
    const rest = commonRests(left, right);
    for (let i = 0, j = 0; i < left.length || j < right.length; ) {
      if (i < left.length && j < right.length && left[i] === right[j]) lines.push(mark("same")(right[j++])), i++;
      else if (j >= right.length || (i < left.length && rest(i + 1, j) >= rest(i, j + 1))) lines.push(mark("gone")(left[i++]));
      else lines.push(mark("new")(right[j++]));
    }
    return [...lines, ...b.slice(b.length - tail).map(mark("same"))];
  }

  /* A value as a text that is equal for equal values: the keys of objects in order. */
  function canonical(value) {
    if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
    if (value && typeof value === "object")
      return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join()}}`;
    return JSON.stringify(value) ?? "null";
  }

  /* An answer as people read it; null if the run has none. 391 and "391" read the same. */
  function answerText(view) {
    if (view?.end?.status !== "completed") return null;
    const { output } = view.end;
    return typeof output === "string" ? output.trim().replace(/\s+/g, " ") : canonical(output);
  }

  /* Which runs gave the same answer: a number for each, the same for equal answers, null without one. */
  function answerGroups(views) {
    const texts = views.map(answerText);
    const found = [...new Set(texts.filter((text) => text != null))];
    return texts.map((text) => (text == null ? null : found.indexOf(text)));
  }

  /* What `answerGroups` comes to, for people. */
  function verdict(groups) {
    const given = groups.filter((group) => group != null);
    const kinds = new Set(given).size;
    if (given.length < 2) return given.length ? "Only one answer" : "No answer";
    if (kinds === 1) return "Same answer";
    return kinds < given.length ? `Different answers: ${given.length - kinds + 1} of ${given.length} agree` : "Different answers";
  }

  agentui.compare = { METRICS, metrics, ribbons, alignSteps, outcome, lineDiff, answerGroups, verdict };
})();
