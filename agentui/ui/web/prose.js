/* A model's Markdown that grows, as nodes: paragraphs, headings, lists, quotes, tables and code. Blocks that have ended
   are never touched again; only the last one is made anew. Text is only ever set as text, and links lead to http only. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, inline } = agentui;

  /* Characters of one block; what is longer goes on in the next. */
  const MOST = 8000;
  const FENCE = /^ {0,8}(`{3,}|~{3,})[ \t]*([\w+#.-]{0,30})[^`\n]{0,60}$/;
  const ITEM = /^([ \t]{0,40})([-*+]|\d{1,9}[.)])[ \t]+(.*)$/;
  const HEADING = /^ {0,3}(#{1,6})[ \t]+(.*)$/;
  const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
  const DIVIDER = /^[ \t]*\|?(?:[ \t]*:?-+:?[ \t]*\|)+(?:[ \t]*:?-+:?[ \t]*)?$/;
  const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

  /* The text of a heading without the marks that close it; a regular expression would look for them from everywhere. */
  function unclosed(text) {
    let end = text.length;
    while (text[end - 1] === "#") end--;
    return end === 0 || /\s/.test(text[end - 1]) ? text.slice(0, end).trimEnd() : text;
  }
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  const row = (tag, line) => el("tr", "", ...cells(line).map((cell) => el(tag, "", ...inline(cell))));

  function table(lines) {
    const [head, , ...rest] = lines;
    return el("table", "", el("thead", "", row("th", head)), el("tbody", "", ...rest.map((line) => row("td", line))));
  }

  /* A list of the lines from the first on; deeper ones are lists within it. Takes its lines away. */
  function list(lines, depth = 0) {
    const [, indent, mark] = ITEM.exec(lines[0]);
    const ordered = /\d/.test(mark);
    const node = el(ordered ? "ol" : "ul");
    if (ordered && mark.slice(0, -1) !== "1") node.start = Number(mark.slice(0, -1));
    while (lines.length) {
      const item = ITEM.exec(lines[0]);
      if (!item || item[1].length < indent.length) break;
      if (item[1].length > indent.length + 1 && node.lastChild && depth < 8) {
        node.lastChild.append(list(lines, depth + 1));
        continue;
      }
      if (/\d/.test(item[2]) !== ordered && item[1].length === indent.length) break;
      lines.shift();
      const text = [item[3]];
      while (lines.length && !ITEM.test(lines[0])) text.push(lines.shift().trim());
      node.append(el("li", "", ...inline(text.join("\n"))));
    }
    return node;
  }

  /* The nodes of lines without blank ones among them. */
  function blocks(lines, depth = 0) {
    const nodes = [];
    let text = [];
    const paragraph = () => {
      if (text.length) nodes.push(el("p", "", ...inline(text.join("\n"))));
      text = [];
    };
    while (lines.length) {
      const line = lines[0];
      const heading = HEADING.exec(line);
      if (heading) {
        paragraph();
        nodes.push(el(`h${heading[1].length}`, "", ...inline(unclosed(heading[2].trimEnd()))));
        lines.shift();
      } else if (RULE.test(line)) {
        paragraph();
        nodes.push(el("hr"));
        lines.shift();
      } else if (ITEM.test(line)) {
        paragraph();
        nodes.push(list(lines));
      } else if (/^ {0,3}>/.test(line) && depth < 8) {
        paragraph();
        const quoted = [];
        while (lines.length && /^ {0,3}>/.test(lines[0])) quoted.push(lines.shift().replace(/^ {0,3}> ?/, ""));
        nodes.push(el("blockquote", "", ...blocks(quoted, depth + 1)));
      } else if (line.includes("|") && DIVIDER.test(lines[1] ?? "")) {
        paragraph();
        const rows = [lines.shift(), lines.shift()];
        while (lines.length && lines[0].includes("|")) rows.push(lines.shift());
        nodes.push(table(rows));
      } else text.push(lines.shift());
    }
    paragraph();
    return nodes;
  }

  /* Where a line that is too long for a block is cut, at a space if there is one; -1 for any other. */
  function cutOf(text, at, newline) {
    if ((newline < 0 ? text.length : newline) - at <= MOST + 1) return -1;
    const space = text.lastIndexOf(" ", at + MOST);
    if (space > at) return space + 1;
    return at + MOST + (text.codePointAt(at + MOST - 1) > 0xffff ? 1 : 0);
  }

  class Prose {
    /* node: where the blocks are put. */
    constructor(node) {
      this.node = node;
      this.clear();
    }
    clear() {
      this.text = "";
      this.ends = 0;
      this.live = [];
      this.fence = null;
      this.node.replaceChildren();
    }
    update(text) {
      if (text === this.text) return;
      if (!text.startsWith(this.text)) this.clear();
      this.text = text;
      for (const node of this.live) node.remove();
      this.live = [];
      let block = [];
      for (let at = this.ends; at < text.length; ) {
        const newline = text.indexOf("\n", at);
        const cut = this.fence ? -1 : cutOf(text, at, newline);
        const end = cut < 0 ? newline : cut;
        const next = cut < 0 ? (end < 0 ? text.length : end + 1) : cut;
        const line = text.slice(at, end < 0 ? undefined : end).replace(CONTROL, "");
        if (this.fence) this.goOn(line, at, end < 0, next);
        else if (end < 0) {
          if (!FENCE.test(line)) block.push(line);
        } else block = this.take(block, line, next);
        at = next;
      }
      this.live = blocks(block.filter((line) => line.trim()));
      this.node.append(...this.live);
    }
    /* Takes a whole line; returns what is left of the block that it may belong to. */
    take(block, line, next) {
      const fence = FENCE.exec(line);
      const ended = !line.trim() || fence || next - this.ends > MOST;
      if (!ended) return [...block, line];
      this.node.append(...blocks(fence ? block : [...block, line].filter((each) => each.trim())));
      this.ends = next;
      if (fence) {
        const lines = /^py/i.test(fence[2]) ? agentui.codeLines() : agentui.plainLines();
        this.fence = { mark: fence[1], lines, from: next };
        this.node.append(lines.node);
      }
      return [];
    }
    /* A line within a fenced block. */
    goOn(line, at, partial, next) {
      const { mark, lines, from } = this.fence;
      const bare = line.trim();
      const closes = bare.length >= mark.length && bare === mark[0].repeat(bare.length);
      if (closes || partial) lines.update(this.text.slice(from, closes ? at : undefined));
      else if (next === this.text.length) lines.update(this.text.slice(from));
      if (partial) return;
      this.ends = next;
      if (closes) this.fence = null;
    }
  }

  agentui.Prose = Prose;
})();
