/* The border between conversation and inspector, moved by hand or by arrow keys, and remembered. */
(() => {
  const agentui = (window.agentui ??= {});
  const STORED = "agentui-inspector-share";
  const [LEAST, USUAL, MOST] = [25, 45, 70];

  /* panes: has both beside each other. conversation: the left one, which the splitter hangs on. */
  agentui.startSplitter = (panes, conversation) => {
    const node = agentui.el("div", "au-splitter");
    const said = { role: "separator", "aria-orientation": "vertical", "aria-label": "Width of the inspector", "aria-controls": "inspector" };
    for (const [name, value] of Object.entries({ ...said, "aria-valuemin": LEAST, "aria-valuemax": MOST })) node.setAttribute(name, value);
    node.tabIndex = 0;
    node.title = "Drag, or use the arrow keys; double-click for the usual width";
    let share;
    const set = (value, keep = true) => {
      share = Math.round(Math.min(MOST, Math.max(LEAST, value)) * 10) / 10;
      panes.style.setProperty("--au-share", `${share}%`);
      node.setAttribute("aria-valuenow", Math.round(share));
      node.setAttribute("aria-valuetext", `${Math.round(share)} % of the width`);
      if (keep) agentui.store(STORED, share);
    };
    set(Number(agentui.store(STORED)) || USUAL, false);
    node.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: share + 2, ArrowRight: share - 2, Home: LEAST, End: MOST, Enter: USUAL }[event.key];
      if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      set(to);
    });
    node.addEventListener("dblclick", () => set(USUAL));
    node.addEventListener("pointerdown", (event) => {
      node.setPointerCapture(event.pointerId);
      event.preventDefault();
      node.focus();
    });
    node.addEventListener("pointermove", (event) => {
      if (!node.hasPointerCapture(event.pointerId)) return;
      const { right, width } = panes.getBoundingClientRect();
      set(((right - event.clientX) / width) * 100);
    });
    conversation.append(node);
  };
})();
