/* Variables and files as they are after a step, and what that step did to them, as agentui/state_view.py has it. */
(() => {
  const agentui = (window.agentui ??= {});

  function fold(changes, items, gone) {
    const held = new Map();
    for (const change of changes) {
      for (const name of change[gone] ?? []) held.delete(name);
      for (const item of change[items] ?? []) held.set(item.name, item);
    }
    return held;
  }

  const byName = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

  function rows(before, known, own, items, gone) {
    const [old, all, told] = [before, known, own].map((changes) => fold(changes, items, gone));
    const made = [...new Set([...old.keys(), ...all.keys()])].sort(byName).map((name) => {
      if (!all.has(name)) return { now: old.get(name), before: old.get(name), change: "removed" };
      if (!old.has(name)) return { now: all.get(name), before: null, change: "added" };
      return { now: all.get(name), before: old.get(name), change: told.has(name) ? "changed" : null };
    });
    return [...made.filter((row) => row.change), ...made.filter((row) => !row.change)];
  }

  /* What is there after a step, 0 for what the run began with: first what the step changed, then the rest, each by
     name. `left_out`: how many more are new or changed, of which nothing is known. */
  function stateAfter(changes, step) {
    const known = changes.filter((change) => change.step <= step).sort((a, b) => a.step - b.step);
    const before = known.filter((change) => change.step < step);
    const own = known.slice(before.length);
    return {
      variables: rows(before, known, own, "variables", "removed"),
      files: rows(before, known, own, "files", "removed_files"),
      left_out: known.at(-1)?.left_out ?? 0,
    };
  }

  agentui.stateAfter = stateAfter;
})();
