/* Words for people, as agentui/ui/words.py, notes.py and cuts.py say them. No DOM. */
(() => {
  const agentui = (window.agentui ??= {});
  const { count, seconds } = agentui;

  const RAISED = /^\s*[\w.]+(Error|Exception|Warning|Interrupt)\b/;
  const CAUSE = /: [A-Z]\w*(Error|Exception|Timeout)(: .*)?$/;
  const VALUE = /\b(?:max_steps|max_seconds|max_tokens|max_cost_usd|step_seconds)=/g;
  const FIELDS = {
    api_base: "the base URL",
    base_url: "the base URL",
    api_key: "the key",
    model_id: "the model id",
    max_steps: "the limit Steps",
    max_seconds: "the limit Seconds",
    max_tokens: "the limit Tokens",
    max_cost_usd: "the limit US dollars",
    step_seconds: "the limit Seconds a step",
  };
  const NAME = new RegExp(`\\b(?:the )?(${Object.keys(FIELDS).join("|")})\\b`, "g");
  const SHOWN_VALUE = 200;
  const ADDRESS = /^[a-z][a-z0-9+.-]*:\/\//;

  /* Text of an error with the names of the page's fields; what code raised stays as it is. */
  function humane(text) {
    if (text.trim().includes("\n") || RAISED.test(text)) return text;
    return text.replace(VALUE, "").replace(NAME, (_, name) => FIELDS[name]);
  }
  /* An error without what the client's program said about it. */
  const gist = (text) => humane(text).replace(CAUSE, "");
  /* With a capital letter, unless it begins with an address, and a full stop. */
  function sentence(text) {
    const trimmed = text.trim();
    const first = ADDRESS.test(trimmed) ? trimmed.slice(0, 1) : trimmed.slice(0, 1).toUpperCase();
    return first + trimmed.slice(1) + (/[.!?…]$/.test(trimmed) ? "" : ".");
  }
  /* A duration that somebody waits for: no digits that do not matter. */
  const wait = (s) => (s < 10 ? `${Math.max(s, 0.1).toFixed(1)} s`.replace(".0 s", " s") : `${Math.round(s)} s`);
  /* A number of bytes. */
  const size = (n) =>
    n < 1000 ? `${count(n)} bytes` : n < 1e6 ? `${count(Math.round(n / 1000))} kB` : `${(n / 1e6).toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 })} MB`;
  const oneLine = (text) => text.split(/\s+/).filter(Boolean).join(" ");

  /* A value as JSON in one line, spaced as Python does. */
  const json = (value) => (JSON.stringify(value, null, 1) ?? "null").replace(/,\n */g, ", ").replace(/\n */g, "");
  function shown(value) {
    const text = json(value);
    return text.length <= SHOWN_VALUE ? text : `${text.slice(0, SHOWN_VALUE)}…`;
  }

  /* The title line of a step: its name, facts, and how it is: live, done, failed or stopped. */
  function headOf(step) {
    const name = step.kind === "planning" ? "Plan" : `Step ${step.number}`;
    const { end } = step;
    if (!end) return { name, facts: [], state: "live" };
    const cut = agentui.wasCut(step);
    const begun = !agentui.notBegun(step);
    const facts = begun ? [seconds(end.timing.finished - end.timing.started)] : [];
    if (end.usage) facts.push(`${agentui.tokens(end.usage.total_tokens, end.usage.source)} tokens`);
    const steered = agentui.steered(step);
    if (cut || steered) facts.push(steered || (begun ? "cut short" : "not begun"));
    return { name, facts, state: cut || steered ? "stopped" : end.error ? "failed" : "done" };
  }

  /* Lines for the failed attempts of a model call, one for those that had the same reason. `until` is what is left of
     the wait that goes on, or null; a reason that `error` says is not said here. */
  function retryLines(retries, until, error) {
    const groups = [];
    for (const retry of retries) {
      if (groups.at(-1)?.[0].reason === retry.reason) groups.at(-1).push(retry);
      else groups.push([retry]);
    }
    let number = 0;
    return groups.map((same, index) => {
      const first = number + 1;
      number += same.length;
      const who = first === number ? `Attempt ${first}` : `Attempts ${first}–${number}`;
      const { reason } = same[0];
      const why = error != null && error.includes(reason) ? "." : `: ${oneLine(sentence(gist(reason)))}`;
      const waiting = until != null && index === groups.length - 1;
      const left = waiting && agentui.countdown(until);
      const next = waiting ? `Attempt ${number + 1} ${left === "now" ? left : `in ${left}`}` : `Tried again after ${same.map((retry) => wait(retry.wait_s)).join(", ")}.`;
      return `${who} failed${why} ${next}`;
    });
  }

  Object.assign(agentui, { humane, gist, sentence, wait, size, oneLine, shownValue: shown, headOf, retryLines });
})();
