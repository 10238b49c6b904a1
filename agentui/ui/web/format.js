/* Numbers and states as people read them, and the few DOM helpers that everything uses. Text is only ever set as text. */
(() => {
  const agentui = (window.agentui ??= {});
  const whole = new Intl.NumberFormat("en-US");

  const seconds = (s) =>
    s == null ? "" : s < 0.0995 ? `${Math.round(s * 1000)} ms` : s < 60 ? `${s.toFixed(1)} s` : `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  const count = (n) => (n == null ? "–" : whole.format(n));
  /* A count that an estimate is marked in. */
  const tokens = (n, source) => (n == null ? "–" : `${source === "reported" ? "" : "≈"}${whole.format(n)}`);

  const money = (cost) => (cost == null ? "–" : `$${cost.usd < 0.01 ? cost.usd.toPrecision(2) : cost.usd.toFixed(2)}`);

  const PHASES = {
    starting: "Starting",
    waiting: "Waiting for the model",
    reasoning: "Thinking",
    writing: "Writing",
    coding: "Writing code",
    running: "Running code",
    calling: "Calling",
    retrying: "Retrying",
    stopping: "Stopping",
  };
  const ENDS = { completed: "Completed", stopped: "Stopped", limit: "Limit reached", failed: "Failed" };

  function phaseText(view, now) {
    if (!view) return "Ready";
    if (view.end) return ENDS[view.end.status] ?? view.end.status;
    if (view.phase === "calling") return `Calling ${view.detail}`;
    if (view.phase === "retrying") return `Retrying in ${Math.max(0, Math.ceil(view.detail.until - now))} s`;
    return PHASES[view.phase] ?? view.phase;
  }

  /* An element with a class and children; strings become text nodes. */
  function el(tag, className, ...children) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.append(...children.filter((child) => child != null));
    return node;
  }
  /* Sets text only when it differs: an unchanged cell costs no layout. */
  function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  Object.assign(agentui, { seconds, count, tokens, money, phaseText, el, setText });
})();
