/* The messages of a request, one a line that opens, and its parameters; both with what changed since the request before.
   A text is put on the page when it is opened, and of a long one the beginning first. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, count, percent } = agentui;
  const FOLDED = 1_500;
  const MARKS = {
    "": ["", ""],
    kept: ["=", "unchanged"],
    same: ["=", "unchanged, after the break"],
    added: ["+", "added"],
    changed: ["~", "changed"],
    removed: ["−", "removed"],
  };

  function markNode(mark) {
    const [sign, words] = MARKS[mark];
    const node = el("span", "au-mark", el("i", "", sign), words);
    node.firstChild.setAttribute("aria-hidden", "true");
    return node;
  }

  function pre(label, ...children) {
    const node = el("pre", "au-text", ...children);
    node.tabIndex = 0;
    node.setAttribute("aria-label", label);
    return node;
  }

  /* A text; of a long one the beginning, and a button for the rest. */
  function folded(label, text) {
    if (text.length <= FOLDED) return [pre(label, text)];
    const node = pre(label, `${text.slice(0, FOLDED)} …`);
    const more = el("button", "au-link", `Show all ${count(text.length)} characters`);
    more.type = "button";
    more.addEventListener("click", () => {
      node.replaceChildren(text);
      more.remove();
      node.focus();
    });
    return [node, more];
  }

  /* Two texts as lines that were taken out and put in; null if they are too long to be compared. */
  function differing(label, before, after) {
    const lines = agentui.compare.lineDiff(before, after);
    if (!lines) return null;
    const sign = { same: "  ", gone: "− ", new: "+ " };
    return [pre(label, ...lines.map(({ mark, text }) => el("span", `au-line au-line-${mark}`, `${sign[mark]}${text}\n`)))];
  }

  function besides(message) {
    const said = [];
    if (message.pictures) said.push(`${count(message.pictures)} ${message.pictures === 1 ? "picture" : "pictures"}, not in the records`);
    if (message.left_out) said.push(`${count(message.left_out)} more characters, not in the records`);
    if (message.tool_call_id) said.push(`answers the call ${message.tool_call_id}`);
    return said.length ? [el("p", "au-note", said.join(" · "))] : [];
  }

  function inside({ mark, message, was }) {
    const label = `Text of this ${message.role} message`;
    const calls = message.tool_calls?.length ? [pre("Calls in this message", JSON.stringify(message.tool_calls, null, 2))] : [];
    const texts = (mark === "changed" ? differing(label, was.text, message.text) : null) ?? (message.text ? folded(label, message.text) : []);
    return [...texts, ...calls, ...besides(message)];
  }

  function messageNode(row, all, open) {
    const { mark, message, number } = row;
    const share = mark === "removed" ? 0 : message.tokens / Math.max(1, all);
    const bar = el("i", "au-share");
    bar.style.setProperty("--share", share.toFixed(4));
    const size = mark === "removed" ? `was ≈${count(message.tokens)} tokens` : `≈${count(message.tokens)} tokens · ${percent(share)}`;
    const summary = el(
      "summary", "", el("span", "au-message-number", number == null ? "" : String(number)), " ", el("b", "", message.role), " ", markNode(mark), " ",
      el("span", "au-message-size", size), bar,
    );
    const details = el("details", "", summary);
    const fill = () => details.childElementCount === 1 && details.append(...inside(row));
    details.addEventListener("toggle", () => details.open && fill());
    if (open) fill();
    details.open = open;
    const node = el("li", "au-message", details);
    node.dataset.mark = mark;
    return node;
  }

  /* Opened are those that somebody who follows the run has not seen yet. */
  const isNews = ({ mark, message }) => ["added", "changed"].includes(mark) || (mark === "" && message.role !== "system");

  const messageNodes = ({ rows, tokens }) => rows.map((row) => messageNode(row, tokens, isNews(row)));

  function parameterNode({ name, value, mark, was }) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    const old = mark === "changed" ? el("span", "au-note", ` was ${JSON.stringify(was)}`) : null;
    const said = mark === "kept" ? "" : mark;
    const long = text.length > 100 ? el("details", "", el("summary", "", `${count(text.length)} characters`), pre(name, JSON.stringify(value, null, 2))) : text;
    const node = el("div", "", el("dt", "", name), el("dd", "", long, " ", markNode(said), old));
    node.dataset.mark = said;
    return node;
  }

  agentui.callParts = { messageNodes, parameterNode, pre };
})();
