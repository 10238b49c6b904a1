/* What stands within a line of a model's Markdown, as nodes, in linear time: code, bold, italic, struck, links. Markup
   that does not end, or that could do something, is text. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el } = agentui;

  const URL_PART = String.raw`https?:\/\/[^\s()<>]{1,2000}(?:\([^\s()<>]{0,200}\)[^\s()<>]{0,200}){0,4}`;
  const LINK = new RegExp(String.raw`!?\[([^[\]]{0,500})\]\(\s{0,3}<?(${URL_PART})>?(?:\s{1,3}"[^"]{0,200}")?\s{0,3}\)`, "y");
  const BARE = /https?:\/\/[^\s<>"'`*]{1,2000}/y;
  const TAGS = { "**": "strong", __: "strong", "*": "em", _: "em", "~~": "del" };
  const SPECIAL = /[`*_~[!\\\n]|\bhttps?:\/\//g;
  const WORD = /[\p{L}\p{N}]/u;

  function link(text, url) {
    const node = el("a", "", text);
    node.href = url;
    node.target = "_blank";
    node.rel = "noopener noreferrer";
    return node;
  }

  class Inline {
    constructor(text) {
      this.text = text;
      this.at = 0;
      this.plain = "";
      /* What is open, from the outside in: its mark and its nodes. The outermost has no mark. */
      this.open = [{ mark: "", nodes: [] }];
      this.ticks = null;
    }
    get nodes() {
      return this.open.at(-1).nodes;
    }
    flush() {
      if (this.plain) this.nodes.push(document.createTextNode(this.plain));
      this.plain = "";
    }
    add(node) {
      this.flush();
      this.nodes.push(node);
    }
    parse() {
      const { text } = this;
      while (this.at < text.length) {
        SPECIAL.lastIndex = this.at;
        const found = SPECIAL.exec(text);
        const end = found ? found.index : text.length;
        this.plain += text.slice(this.at, end);
        this.at = end;
        if (found) this.special(found[0]);
      }
      while (this.open.length > 1) this.unopen();
      this.flush();
      return this.nodes;
    }
    special(mark) {
      const { text, at } = this;
      if (mark === "\n") {
        this.add(el("br"));
        this.at++;
      } else if (mark === "\\") {
        const escaped = /[!-/:-@[-`{-~]/.test(text[at + 1] ?? "");
        this.plain += escaped ? text[at + 1] : "\\";
        this.at += escaped ? 2 : 1;
      } else if (mark === "`") this.code();
      else if (mark === "[" || mark === "!") this.link();
      else if (mark.startsWith("http")) this.bare();
      else this.emphasis(mark);
    }
    literal(length) {
      this.plain += this.text.substr(this.at, length);
      this.at += length;
    }
    run(mark) {
      let end = this.at;
      while (this.text[end] === mark) end++;
      return end - this.at;
    }
    /* A code span ends with as many backticks as it began with; where runs of each length are is looked up once. */
    code() {
      this.ticks ??= [...this.text.matchAll(/`+/g)].reduceRight((next, { 0: run, index }) => {
        const { [run.length]: places = [] } = next;
        next[run.length] = places;
        places.push(index);
        return next;
      }, {});
      const length = this.run("`");
      const places = this.ticks[length] ?? [];
      while (places.length && places.at(-1) <= this.at) places.pop();
      if (!places.length) return this.literal(length);
      const end = places.at(-1);
      const inside = this.text.slice(this.at + length, end).replace(/\n/g, " ");
      this.add(el("code", "", /^ .*[^ ].* $/.test(inside) ? inside.slice(1, -1) : inside));
      this.at = end + length;
    }
    link() {
      LINK.lastIndex = this.at;
      const found = LINK.exec(this.text);
      if (!found) return this.literal(1);
      this.add(link(found[1] || found[2], found[2]));
      this.at = LINK.lastIndex;
    }
    bare() {
      BARE.lastIndex = this.at;
      const found = BARE.exec(this.text);
      if (!found) return this.literal(4);
      let url = found[0].replace(/[.,:;!?]+$/, "");
      if (url.endsWith(")") && !url.includes("(")) url = url.slice(0, -1);
      this.add(link(url, url));
      this.at += url.length;
    }
    emphasis(mark) {
      const length = Math.min(this.run(mark), mark === "~" ? 3 : 2);
      const kind = mark.repeat(length);
      if (!(kind in TAGS)) return this.literal(length);
      const before = this.text[this.at - 1] ?? " ";
      const after = this.text[this.at + length] ?? " ";
      const inWord = mark === "_" && WORD.test(before) && WORD.test(after);
      const opened = this.open.findIndex((each) => each.mark === kind);
      const empty = opened === this.open.length - 1 && !this.plain && !this.nodes.length;
      if (opened > 0 && !empty && /\S/.test(before) && !inWord) return this.close(opened, length);
      if (opened > 0 || /\s/.test(after) || inWord || (mark === "_" && WORD.test(before))) return this.literal(length);
      this.flush();
      this.open.push({ mark: kind, nodes: [] });
      this.at += length;
    }
    close(opened, length) {
      while (this.open.length - 1 > opened) this.unopen();
      this.flush();
      const { mark, nodes } = this.open.pop();
      this.nodes.push(el(TAGS[mark], "", ...nodes));
      this.at += length;
    }
    /* What was opened and never closed is text. */
    unopen() {
      this.flush();
      const { mark, nodes } = this.open.pop();
      this.nodes.push(document.createTextNode(mark), ...nodes);
    }
  }

  /* The nodes of a stretch of Markdown without blocks. */
  agentui.inline = (text) => new Inline(text).parse();
})();
