/* The transcript's scrolling. */
(() => {
  const agentui = (window.agentui ??= {});

  /* Follows the end of the transcript until somebody scrolls up, and again once they are back at the end. Returns what
     goes to the end; its `hold` stops following for somebody who looks at another place. */
  agentui.startFollowing = (chat) => {
    let following = true;
    const jump = agentui.el("button", "au-jump", "↓ Latest");
    jump.type = "button";
    chat.parentElement.append(jump);
    const atEnd = () => chat.scrollHeight - chat.scrollTop - chat.clientHeight < 24;
    const toEnd = () => {
      if (!following) return;
      if (document.body.dataset.chat === "going") chat.scrollTop = chat.scrollHeight;
      // The welcome is read from its beginning, but what is wrong with a task stands below it.
      else [...chat.querySelectorAll(".au-error")].at(-1)?.scrollIntoView({ block: "nearest" });
    };
    const set = (value) => {
      following = value;
      jump.dataset.shown = String(!value);
    };
    set(true);
    // A transcript that shrinks for a moment scrolls by itself: only what a person's hand does counts.
    let top = 0;
    let intent = 0;
    const intend = () => (intent = performance.now());
    chat.addEventListener("wheel", (event) => event.deltaY < 0 && intend(), { passive: true });
    for (const name of ["touchmove", "pointerdown", "pointermove"])
      chat.addEventListener(name, (event) => (name !== "pointermove" || event.buttons) && intend(), { passive: true });
    document.addEventListener("keydown", (event) => ["PageUp", "ArrowUp", "Home"].includes(event.key) && intend());
    chat.addEventListener(
      "scroll",
      () => {
        if (atEnd()) set(true);
        else if (chat.scrollTop < top && performance.now() - intent < 500) set(false);
        top = chat.scrollTop;
      },
      { passive: true },
    );
    jump.addEventListener("click", () => {
      set(true);
      toEnd();
    });
    const grown = new ResizeObserver(toEnd);
    grown.observe(chat);
    // Gradio replaces and adds blocks when it likes.
    const observeAll = () => [...chat.children].forEach((child) => grown.observe(child));
    new MutationObserver(observeAll).observe(chat, { childList: true });
    observeAll();
    const follow = () => {
      set(true);
      toEnd();
    };
    follow.hold = () => set(atEnd());
    return follow;
  };
})();
