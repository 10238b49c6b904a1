/* Links to a place in the chat: the run, its step, the tab and the second. They only name what this visitor's chat
   already has, and hold nothing that would let anybody else in. */
(() => {
  const agentui = (window.agentui ??= {});
  const RUN = /^[0-9a-f]{32}$|^[1-9]\d{0,5}$/;
  const GIVE_UP_MS = 3_000;

  /* What an address asks for: {run, step, tab, t}, each null where it says nothing that makes sense; a run that can be none is `unknown`. */
  function readLink(search) {
    const asked = new URLSearchParams(search);
    const number = (name, least) => {
      const value = Number(asked.get(name) || NaN);
      return Number.isFinite(value) && value >= least ? value : null;
    };
    const run = asked.get("run") || null;
    const step = number("step", 1);
    return {
      run: run && (RUN.test(run) ? run : "unknown"),
      step: Number.isInteger(step) ? step : null,
      tab: /^[a-z]{1,20}$/.test(asked.get("tab") ?? "") ? asked.get("tab") : null,
      t: number("t", 0),
    };
  }

  /* The address of what `inspector` shows, without anything else that stood in `href`. */
  function linkTo(inspector, href) {
    const { shown, selected, tabs } = inspector;
    const url = new URL(href);
    const link = new URLSearchParams();
    if (shown) link.set("run", shown.view.runId);
    if (shown && selected != null) link.set("step", shown.view.steps[selected].number);
    link.set("tab", tabs.shown);
    if (inspector.playhead) link.set("t", inspector.playhead.t.toFixed(1));
    return `${url.origin === "null" ? "file://" : url.origin}${url.pathname}?${link}`;
  }

  /* Goes where the address says, as soon as the chat has come so far. say(text) tells that it has not. */
  function followLink(inspector, search, say) {
    const link = (agentui.link = readLink(search));
    if (link.tab) inspector.tabs.show(link.tab);
    if (!link.run && !link.step && link.t == null) return () => {};
    let waiting = true;
    let timer = null;
    const giveUp = () => {
      if (waiting) say(missing(inspector, link));
      waiting = false;
    };
    return () => {
      // A chat comes in pieces.
      if (waiting && inspector.chat) timer ??= setTimeout(giveUp, GIVE_UP_MS);
      const run = waiting && runOf(inspector, link);
      const index = run ? run.view.steps.findIndex((step) => step.number === link.step) : -1;
      if (!run || (link.step && index < 0)) return;
      waiting = false;
      clearTimeout(timer);
      if (index >= 0) inspector.select(index, { runId: run.view.runId, from: "link" });
      else inspector.choose(run.view.runId);
      if (link.t != null) inspector.lookBack((playhead) => playhead.seek(link.t));
    };
  }
  function runOf(inspector, { run }) {
    const { own, runs } = inspector;
    if (!run) return own.at(-1);
    return runs.get(run) ?? (run.length <= 6 ? own[Number(run) - 1] : null);
  }
  function missing(inspector, link) {
    if (!runOf(inspector, link)) return "The run of this link is not in this chat: it was another browser's, or the chat is over.";
    return `The run of this link has no step ${link.step} so far: choose another one in the steps.`;
  }

  const ICON = "M8.5 11.5a3 3 0 0 0 4.2 0l3-3a3 3 0 0 0-4.2-4.2l-1 1M11.5 8.5a3 3 0 0 0-4.2 0l-3 3a3 3 0 0 0 4.2 4.2l1-1";

  /* A button that copies the address of what is shown; `update` says of which step that is, null for none. */
  agentui.linkButton = (inspector) => {
    const button = agentui.copyButton("au-icon au-copy-link", "", "", () => linkTo(inspector, location.href));
    const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = icon.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path"));
    const looks = { viewBox: "0 0 20 20", width: 16, height: 16, fill: "none", stroke: "currentColor", "stroke-width": 1.6, "aria-hidden": "true" };
    for (const [name, value] of Object.entries(looks)) icon.setAttribute(name, value);
    path.setAttribute("d", ICON);
    button.prepend(icon);
    const update = (step) => {
      button.title = `Copy link to ${step ? (step.kind === "planning" ? "this plan" : `step ${step.number}`) : "this run"}`;
      button.setAttribute("aria-label", button.title);
    };
    update(null);
    return { button, update };
  };

  Object.assign(agentui, { readLink, linkTo, followLink });
})();
