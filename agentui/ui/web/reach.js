/* Boxes of the transcript that scroll can be scrolled by keys too: those that are larger inside than outside are stops
   of Tab. Looked at now and then while the text grows, because it costs a layout. */
(() => {
  const agentui = (window.agentui ??= {});
  const PAUSE_MS = 300;

  function reach(box) {
    const larger = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
    if (larger === (box.tabIndex === 0)) return;
    if (larger) {
      box.tabIndex = 0;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", box.querySelector(".language-python") ? "Code" : "Text");
    } else for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
  }

  agentui.startReach = (chat) => {
    let waiting = null;
    const look = () => {
      waiting = null;
      for (const box of chat.querySelectorAll(".code_wrap > pre")) reach(box);
    };
    const soon = () => (waiting ??= setTimeout(look, PAUSE_MS));
    new MutationObserver(soon).observe(chat, { childList: true, subtree: true, characterData: true });
    new ResizeObserver(soon).observe(chat);
  };
})();
