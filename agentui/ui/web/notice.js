/* A line over the transcript in which the page says something about itself, until somebody closes it. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el } = agentui;

  /* Returns the line. */
  agentui.notice = (text) => {
    const close = el("button", "au-icon", "✕");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    const node = el("div", "au-notice", el("span", "", text), close);
    close.addEventListener("click", () => node.remove());
    document.getElementById("chat").before(node);
    agentui.inspector?.say(text);
    return node;
  };
})();
