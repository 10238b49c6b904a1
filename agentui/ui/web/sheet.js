/* On a narrow screen the inspector is a sheet at the bottom: closed, or open over 40 or 90 % of the screen, by buttons
   or by dragging its bar. Its state is `data-sheet` of the body, which other scripts may set too. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el } = agentui;
  const { body } = document;
  const SHARES = { closed: 0, open: 0.4, tall: 0.9 };
  const A_DRAG_PX = 6;
  const A_KEYBOARD_PX = 140;
  const state = () => body.dataset.sheet;
  const set = (value) => (body.dataset.sheet = value);
  const nearest = (share) => Object.keys(SHARES).reduce((best, each) => (Math.abs(SHARES[each] - share) < Math.abs(SHARES[best] - share) ? each : best));

  function button(className, act) {
    const node = el("button", className);
    node.type = "button";
    node.setAttribute("aria-controls", "inspector");
    node.addEventListener("click", act);
    return node;
  }

  /* Dragging the bar changes the height at once; the sheet goes to the nearest of its places when it is let go. */
  function startDrag(sheet, bar) {
    let from = null;
    let dragged = false;
    bar.addEventListener("pointerdown", (event) => {
      from = { y: event.clientY, height: innerHeight - sheet.getBoundingClientRect().top };
      dragged = false;
    });
    bar.addEventListener("pointermove", (event) => {
      if (!from || (!dragged && Math.abs(event.clientY - from.y) < A_DRAG_PX)) return;
      if (!dragged) bar.setPointerCapture(event.pointerId);
      dragged = true;
      sheet.dataset.dragged = "true";
      sheet.style.height = `${Math.max(0, Math.min(0.95 * innerHeight, from.height + from.y - event.clientY))}px`;
    });
    const end = () => {
      if (from && dragged) set(nearest(parseFloat(sheet.style.height) / innerHeight));
      from = null;
      delete sheet.dataset.dragged;
      sheet.style.height = "";
    };
    bar.addEventListener("pointerup", end);
    bar.addEventListener("pointercancel", end);
    // The click at the end of a drag is none.
    bar.addEventListener("click", (event) => dragged && event.stopPropagation(), true);
  }

  /* A keyboard on the screen covers the page instead of making it smaller: the page keeps to what is left. */
  function startKeyboard() {
    const { visualViewport: seen } = window;
    if (!seen) return;
    const fit = () => {
      const covered = innerHeight - seen.height > A_KEYBOARD_PX && seen.scale === 1;
      body.dataset.keyboard = covered ? "open" : "closed";
      if (covered) body.style.setProperty("--au-height", `${seen.height}px`);
      else body.style.removeProperty("--au-height");
      if (covered) scrollTo(0, 0);
    };
    seen.addEventListener("resize", fit);
    fit();
  }

  /* Without this a device leaves a strip free beside the page, and its own bars have no measure. */
  function coverScreen() {
    const meta = document.querySelector('meta[name="viewport"]');
    if (meta && !meta.content.includes("viewport-fit")) meta.content += ", viewport-fit=cover";
  }

  /* sheet: the inspector. Returns what closes it, and whether there was something to close. */
  agentui.startSheet = (sheet) => {
    const handle = button("au-sheet-handle", () => set(state() === "closed" ? "open" : "closed"));
    const taller = button("au-icon au-sheet-taller", () => set(state() === "tall" ? "open" : "tall"));
    const bar = el("div", "au-sheet-bar", handle, taller);
    sheet.prepend(bar);
    const show = () => {
      const open = state() !== "closed";
      agentui.setText(handle, open ? "Close" : "Steps and usage");
      handle.setAttribute("aria-expanded", String(open));
      taller.hidden = !open;
      agentui.setText(taller, state() === "tall" ? "⌄" : "⌃");
      taller.setAttribute("aria-label", state() === "tall" ? "Make it lower" : "Make it taller");
    };
    startDrag(sheet, bar);
    startKeyboard();
    coverScreen();
    set("closed");
    show();
    new MutationObserver(show).observe(body, { attributeFilter: ["data-sheet"] });
    return () => {
      const open = state() !== "closed";
      set("closed");
      return open;
    };
  };
})();
