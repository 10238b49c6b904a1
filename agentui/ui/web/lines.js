/* Code and printed text that grow, line by line: a line that has ended is never touched again, and of many lines the
   middle is left out, as agentui/ui/markdown.py does it. Going back in time takes lines away again. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, count, setText } = agentui;

  const MAX_LINE = 2000;
  const ANSI = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])/g;
  const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

  /* A line as a terminal would leave it: no escape sequences, no control characters, overwritten parts gone. */
  function cleanLine(line) {
    if (line.includes("\x1b")) line = line.replace(ANSI, "");
    if (line.includes("\r")) line = line.replace(/\r+$/, "").split("\r").at(-1);
    line = line.replace(CONTROL, "");
    return line.length <= MAX_LINE ? line : `${line.slice(0, MAX_LINE)}… (${count(line.length - MAX_LINE)} more characters)`;
  }

  /* Copies what is given by `text()`; null where the browser does not let pages copy. */
  function copyButton(text) {
    if (!navigator.clipboard) return null;
    const button = el("button", "au-copy");
    const say = (words, shown = "") => {
      button.setAttribute("aria-label", words);
      button.title = words;
      setText(button, shown);
    };
    button.type = "button";
    say("Copy");
    button.addEventListener("click", () => {
      navigator.clipboard.writeText(text()).then(
        () => say("Copied", "✓"),
        () => say("The browser does not allow it", "✕"),
      );
      setTimeout(() => say("Copy"), 1500);
    });
    return button;
  }

  class Lines {
    /* language: "python" is highlighted, "text" is not. head, tail: how many lines are always shown. */
    constructor(language, { head, tail }) {
      Object.assign(this, { language, head, tail });
      this.code = el("code", language ? `language-${language}` : "");
      this.pre = el("pre", "", this.code);
      this.pre.tabIndex = 0;
      this.node = el("div", "code_wrap", copyButton(() => this.text), this.pre);
      this.gap = el("span", "au-gap");
      this.clear();
    }
    clear() {
      this.text = "";
      this.ends = 0;
      this.lines = [];
      this.states = [""];
      this.code.replaceChildren();
      this.partial = null;
    }
    /* Shows `text`; what is there already stays. */
    update(text) {
      if (text === this.text) return;
      if (!text.startsWith(this.text)) this.back(text);
      const lines = text.slice(this.ends).split("\n");
      const rest = lines.pop();
      this.partial?.remove();
      this.partial = null;
      for (const line of lines) {
        this.add(line);
        this.ends += line.length + 1;
      }
      if (rest) {
        this.partial = this.line(rest, this.states.at(-1)).node;
        this.code.append(this.partial);
      }
      this.text = text;
    }
    /* Takes away what is no longer the beginning of `text`. Without the middle left out, whole lines are kept. */
    back(text) {
      const cut = this.lines.length > this.head + this.tail;
      if (cut || !this.text.startsWith(text)) return this.clear();
      let ends = 0;
      let kept = 0;
      for (let next = text.indexOf("\n"); next >= 0; next = text.indexOf("\n", ends)) {
        ends = next + 1;
        kept++;
      }
      for (const node of this.lines.splice(kept)) node.remove();
      this.states.length = kept + 1;
      this.ends = ends;
    }
    line(text, state) {
      const clean = cleanLine(text);
      if (this.language !== "python") return { node: document.createTextNode(clean), state };
      const found = agentui.highlight(clean, state);
      return { node: el("span", "", ...found.nodes), state: found.state };
    }
    add(text) {
      const { node, state } = this.line(text, this.states.at(-1));
      this.states.push(state);
      if (node.nodeType === Node.TEXT_NODE) node.appendData("\n");
      else node.append("\n");
      this.lines.push(node);
      this.code.append(node);
      const index = this.lines.length - 1 - this.tail;
      if (index < this.head) return;
      // The oldest line of the tail makes room.
      this.lines[index].replaceWith(...(index === this.head ? [this.gap] : []));
      this.lines[index] = null;
      setText(this.gap, `… ${count(index - this.head + 1)} lines left out …\n`);
    }
  }

  Object.assign(agentui, {
    cleanLine,
    codeLines: () => new Lines("python", { head: 300, tail: 100 }),
    outputLines: () => new Lines("text", { head: 100, tail: 100 }),
    plainLines: () => new Lines("", { head: 300, tail: 100 }),
  });
})();
