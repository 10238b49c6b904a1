/* Texts for the clipboard, which pages that came without TLS only have by the old way. */
(() => {
  const agentui = (window.agentui ??= {});
  const SAID_MS = 1_600;

  function copyOld(text) {
    const field = agentui.el("textarea", "au-hidden");
    field.value = text;
    const before = document.activeElement;
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    before?.focus();
    return copied;
  }

  /* Resolves to whether the text is in the clipboard now. */
  agentui.copyText = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return copyOld(text);
    }
  };

  /* A button that copies what `text()` gives, and says so for a moment. */
  agentui.copyButton = (className, label, title, text) => {
    const said = agentui.el("span", "", label);
    const button = agentui.el("button", className, said);
    button.type = "button";
    button.title = title;
    button.setAttribute("aria-label", title);
    button.addEventListener("click", async () => {
      const word = (await agentui.copyText(await text())) ? "Copied" : "Not copied";
      agentui.setText(said, word);
      agentui.inspector?.say(word);
      button.dataset.done = "true";
      clearTimeout(button.timer);
      button.timer = setTimeout(() => {
        agentui.setText(said, label);
        delete button.dataset.done;
      }, SAID_MS);
    });
    return button;
  };
})();
