/* Keys of the page. Others add theirs: agentui.keys["f"] = { run, text }, where text says in the help what it does.
   Single keys do nothing while somebody types, with modifiers, in a dialog, or when they are turned off. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el } = agentui;
  const STORED = "agentui-keys";
  const KEYS = (agentui.keys ??= {});
  const FIXED = [
    ["Enter", "Send the task"],
    ["Shift+Enter", "New line in the task"],
    ["Esc", "Stop the run, or close what lies over the page"],
    ["↑ ↓ ← →", "In the steps: go to a step, fold or open it"],
    ["J K L Space ← →", "On the time of a run: back, play or pause, on, by a record"],
  ];
  const typing = (target) => Boolean(target.closest?.("input, textarea, select, [contenteditable=true], [role=textbox], [role=listbox]"));
  /* On many keyboards a bracket is typed with AltGr, which looks like Ctrl+Alt. */
  const modified = (event) => event.metaKey || ((event.ctrlKey || event.altKey) && !event.getModifierState("AltGraph"));
  const off = () => agentui.store(STORED) === "off";

  function pressed(event) {
    if (event.defaultPrevented || event.isComposing || event.repeat || modified(event) || typing(event.target)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const binding = KEYS[key];
    if (!binding || document.querySelector("dialog[open]") || off()) return;
    event.preventDefault();
    binding.run(event);
  }

  /* The help, made when it is asked for: by then every script has named its keys. */
  function help() {
    const line = (key, text) => [el("dt", "", ...key.split(" ").map((each) => el("kbd", "", each))), el("dd", "", text)];
    const shown = new Map();
    const named = Object.entries(KEYS).sort(([one], [other]) => /\d/.test(one) - /\d/.test(other));
    for (const [key, { text }] of named) {
      const name = key.length === 1 ? key.toUpperCase() : key;
      shown.set(text, shown.has(text) ? `${shown.get(text)} ${name}` : name);
    }
    const list = el("dl", "au-keys", ...[...shown].flatMap(([text, key]) => line(key, text)), ...FIXED.flatMap(([key, text]) => line(key, text)));
    const on = el("input", "");
    on.type = "checkbox";
    on.checked = !off();
    on.addEventListener("change", () => {
      agentui.store(STORED, on.checked ? "on" : "off");
      list.dataset.off = String(!on.checked);
    });
    list.dataset.off = String(off());
    const close = el("button", "au-icon", "✕");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    const title = el("h2", "", "Keyboard shortcuts");
    title.id = "au-keys-title";
    const dialog = el("dialog", "au-dialog", el("header", "", title, close), list, el("label", "au-switch", on, "Single-key shortcuts"));
    dialog.setAttribute("aria-labelledby", title.id);
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  /* The keys of the page itself. composer: gives the field for tasks. */
  agentui.startKeys = (inspector, composer) => {
    const { actions } = agentui;
    actions.shortcuts = help;
    const own = {
      "[": { run: () => inspector.move(-1), text: "Previous step" },
      "]": { run: () => inspector.move(1), text: "Next step" },
      t: { run: () => actions.theme(), text: "Light or dark" },
      "/": { run: () => composer()?.focus(), text: "Write a task" },
      "?": { run: help, text: "This help" },
    };
    inspector.tabs.panels.slice(0, 9).forEach(({ id, tab }, index) => {
      own[index + 1] = { run: () => inspector.tabs.show(id), text: `Show ${tab.textContent}` };
    });
    for (const [key, binding] of Object.entries(own)) KEYS[key] ??= binding;
    document.addEventListener("keydown", pressed);
  };
})();
