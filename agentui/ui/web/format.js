/* Numbers and states as people read them, and the few DOM helpers that everything uses. Text is only ever set as text. */
(() => {
  const agentui = (window.agentui ??= {});
  const whole = new Intl.NumberFormat("en-US");

  const seconds = (s) =>
    s == null ? "" : s < 0.0995 ? `${Math.round(s * 1000)} ms` : s < 60 ? `${s.toFixed(1)} s` : `${Math.floor(s / 60)} min${s % 60 >= 1 ? ` ${Math.floor(s % 60)} s` : ""}`;
  const count = (n) => (n == null ? "–" : whole.format(n));
  /* A count that an estimate is marked in. */
  const tokens = (n, source) => (n == null ? "–" : `${source === "reported" ? "" : "≈"}${whole.format(n)}`);

  /* A large number in few digits. */
  const short = (n) => (n == null ? "–" : n < 1000 ? String(n) : `${n < 99950 ? (n / 1000).toFixed(1) : whole.format(Math.round(n / 1000))}k`);
  /* A share as a percentage: one digit after the point where it is small. */
  const percent = (x) => `${Math.abs(x) < 0.0995 ? +(x * 100).toFixed(1) : Math.round(x * 100)} %`;
  const dollars = (usd) =>
    usd === 0 ? "$0.00" : `$${usd >= 0.995 ? usd.toFixed(2) : usd >= 1e-4 ? +usd.toPrecision(2) : usd.toFixed(6).replace(/0+$/, "")}`;
  /* What a call or a run cost; "unknown" is said, because nothing, or $0, would look like a price. */
  const money = (cost, source = "reported") => (cost == null ? "unknown" : `${source === "reported" ? "" : "≈"}${dollars(cost.usd)}`);
  /* A wait that is counted down. */
  const countdown = (s) => (s <= 0 ? "now" : s < 10 && s % 1 > 0.05 && s < 2 ? `${s.toFixed(1)} s` : `${Math.ceil(s)} s`);

  const PHASES = {
    starting: "Starting",
    waiting: "Waiting for the model",
    reasoning: "Thinking",
    writing: "Writing",
    coding: "Writing code",
    approving: "Waiting for your approval",
    running: "Running code",
    calling: "Calling",
    retrying: "Retrying",
    stopping: "Stopping …",
  };
  const ENDS = { completed: "Completed", stopped: "Stopped", limit: "Limit reached", failed: "Failed" };

  function phaseText(view, now) {
    if (!view) return "Ready";
    if (view.end) return ENDS[view.end.status] ?? view.end.status;
    if (view.pending.length) return PHASES.approving;
    if (view.phase === "calling") return `Calling ${view.detail}`;
    if (view.phase === "retrying") {
      const left = countdown(view.detail.until - now);
      return `Attempt ${view.step.retries.length + 1} ${left === "now" ? left : `in ${left}`}`;
    }
    return PHASES[view.phase] ?? view.phase;
  }

  /* Whether a step was cut by a stop or a limit, which is nobody's failure. */
  const wasCut = (step) => /^(stopped before|the \w+ limit is used up \()/.test(step.end?.error ?? "");

  /* What somebody did to a step that counts all the same: it was cut for a message, or its code rejected; else "". */
  const steered = (step) =>
    (/^(cut short for a message$|rejected(?= by the user))/.exec(step.end?.error ?? "") ?? [""])[0];

  /* Whether it was cut before its first request was sent. */
  const notBegun = (step) => wasCut(step) && step.end.usage == null && step.end.code == null;

  /* The connections that were closed early in a step, those of called agents included. */
  const closedIn = (step) => [
    ...(step.closed ? [step.closed] : []),
    ...[...step.calls.values()].flatMap((call) => (call.subagent?.step ? closedIn(call.subagent.step) : [])),
  ];

  /* How a stop was carried out, as agentui/ui/ending.py says it; "" if nobody stopped the run. */
  function stopProof(view) {
    const { step, stopped } = view;
    if (!stopped || !step) return "";
    const closed = closedIn(step);
    if (closed.length) {
      const usage = closed.map((event) => event.usage).reduce(agentui.addUsage);
      const about = usage.source === "reported" ? "" : "about ";
      const after = Math.max(...closed.map((event) => event.after_s));
      return `upstream closed after ${Math.round(after * 1000)} ms · ${about}${count(usage.total_tokens)} tokens billed`;
    }
    if (stopped.running && step.end)
      return `code interrupted after ${Math.round(Math.max(0, step.end.timing.finished - stopped.at) * 1000)} ms`;
    return "";
  }

  /* How a conversation was shortened, as agentui/ui/notes.py says it. */
  function compactionText(event) {
    const n = event.elided_observations;
    const how = [n ? `${count(n)} ${n === 1 ? "observation" : "observations"} elided` : "", event.summarised ? "summarised" : ""];
    return `conversation shortened: ≈${short(event.before_tokens)} → ${short(event.after_tokens)} tokens (${how.filter(Boolean).join(", ")})`;
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

  /* Scrolls one box, and none around it, no further than it takes to see the node in it. */
  function reveal(node, scroller, margin = 8) {
    const [inner, outer] = [node.getBoundingClientRect(), scroller.getBoundingClientRect()];
    if (inner.top < outer.top + margin) scroller.scrollTop -= outer.top + margin - inner.top;
    else if (inner.bottom > outer.bottom - margin) scroller.scrollTop += inner.bottom - outer.bottom + margin;
  }

  Object.assign(agentui, { seconds, count, short, percent, tokens, dollars, money, countdown, phaseText, wasCut, steered, notBegun, stopProof, compactionText, el, setText, reveal });
})();
