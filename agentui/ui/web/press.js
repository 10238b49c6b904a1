/* Buttons in the transcript, by the class that says what they do; other scripts add theirs to `agentui.pressed`. */
(() => {
  const agentui = (window.agentui ??= {});

  /* Buttons in the transcript. They are text of the server, so the run they are about stands in their class. */
  const runOf = (button) => [...button.classList].find((name) => name.startsWith("au-run-"))?.slice(7) ?? "";
  let runToGoOn = "";
  agentui.withRunToGoOn = (visitor, _, ...rest) => [visitor, runToGoOn, ...rest];
  const PRESSED = (agentui.pressed = {
    "au-go-on": (button) => {
      runToGoOn = runOf(button);
      document.getElementById("go-on").click();
    },
    "au-follow-up": () => document.getElementById("follow-up").click(),
    "au-show-all": (button) => {
      const output = agentui.inspector?.runs.get(runOf(button))?.view.end?.output;
      if (typeof output !== "string") return;
      const whole = agentui.el("pre", "au-text au-whole", output);
      whole.tabIndex = 0;
      whole.setAttribute("aria-label", "The whole answer");
      button.parentElement.append(whole);
      whole.focus();
    },
  });
  agentui.press = (button) => {
    const kind = Object.keys(PRESSED).find((name) => button.classList.contains(name));
    if (!kind || button.disabled) return;
    button.disabled = true;
    PRESSED[kind](button);
    // A press that started nothing, because of a setting for example, can be repeated.
    if (kind !== "au-show-all") setTimeout(() => (button.disabled = false), 1500);
  };
})();
