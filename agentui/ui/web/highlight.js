/* Python in colours, a line at a time and in linear time. A line begins in a state: inside of the text between two
   triple quotes, or not; so a text that grows is never looked at twice. */
(() => {
  const agentui = (window.agentui ??= {});

  const KEYWORDS = new Set(
    ("False None True and as assert async await break case class continue def del elif else except finally for from " +
      "global if import in is lambda match nonlocal not or pass print raise return try while with yield").split(" "),
  );
  const CONSTANTS = new Set(["False", "None", "True"]);
  const BUILTINS = new Set(
    ("abs all any ascii bin bool bytearray bytes callable chr classmethod complex dict dir divmod enumerate eval exec " +
      "filter float format frozenset getattr globals hasattr hash help hex id input int isinstance issubclass iter len " +
      "list locals map max memoryview min next object oct open ord pow property range repr reversed round set setattr " +
      "slice sorted staticmethod str sum super tuple type vars zip").split(" "),
  );
  /* What a line is made of. No part can be matched in two ways, so no line takes longer than its length. */
  const TOKEN = new RegExp(
    [
      /(?<comment>#.*)/,
      /(?<open>[rbfuRBFU]{0,2}(?:"""|'''))/,
      /(?<string>[rbfuRBFU]{0,2}(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?))/,
      /(?<number>(?:0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|\d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?\d[\d_]*)?|\.\d[\d_]*(?:[eE][+-]?\d[\d_]*)?)[jJ]?)/,
      /(?<word>[\p{L}_][\p{L}\p{N}_]*)/,
      /(?<decorator>@[\p{L}_][\p{L}\p{N}_.]*)/,
      /(?<operator>[-+*/%&|^~<>=!@]+)/,
      /(?<punctuation>[()[\]{}.,:;\\])/,
      /(?<space>\s+)/,
      /(?<other>.)/,
    ]
      .map((part) => part.source)
      .join("|"),
    "uy",
  );

  class Line {
    constructor() {
      this.nodes = [];
      this.plain = "";
      this.last = "";
      this.first = true;
    }
    text(text) {
      this.plain += text;
    }
    token(kind, text) {
      this.flush();
      this.nodes.push(agentui.el("span", `token ${kind}`, text));
    }
    flush() {
      if (this.plain) this.nodes.push(document.createTextNode(this.plain));
      this.plain = "";
    }
    take(groups, text, rest) {
      const { word, space, decorator, other } = groups;
      if (word) this.word(word, rest);
      else if (space || other) this.text(text);
      else if (decorator) this.decorator(decorator);
      else this.token(groups.comment ? "comment" : groups.string ? "string" : groups.number ? "number" : groups.operator ? "operator" : "punctuation", text);
      if (!space) [this.first, this.last] = [false, text];
    }
    /* Only at the beginning of its line; elsewhere it multiplies matrices. */
    decorator(text) {
      if (this.first) return this.token("decorator", text);
      this.token("operator", "@");
      this.text(text.slice(1));
    }
    word(word, rest) {
      const after = this.last;
      if (after === "def") this.token("function", word);
      else if (after === "class") this.token("class-name", word);
      else if (after === ".") this.text(word);
      else if (CONSTANTS.has(word)) this.token("boolean", word);
      // Words that are keywords only at the beginning of a statement.
      else if ((word === "match" || word === "case") && (!this.first || /^\s*[.=,)(]/.test(rest))) this.text(word);
      else if (KEYWORDS.has(word)) this.token("keyword", word);
      else if (BUILTINS.has(word)) this.token("builtin", word);
      else this.text(word);
    }
  }

  /* Up to where a text between triple quotes goes on in `line`, from `at`: the end of its quotes, or -1. */
  function endOfText(line, at, quotes) {
    for (let end = line.indexOf(quotes, at); end >= 0; end = line.indexOf(quotes, end + 1)) {
      let slashes = 0;
      while (line[end - 1 - slashes] === "\\" && end - slashes > at) slashes++;
      if (slashes % 2 === 0) return end + 3;
    }
    return -1;
  }

  /* The nodes of a line that begins in `state` ("" or the quotes that are open), and the state after it. */
  function highlight(text, state = "") {
    const line = new Line();
    let at = 0;
    while (at < text.length) {
      if (state) {
        const end = endOfText(text, at, state);
        line.token("string", text.slice(at, end < 0 ? undefined : end));
        if (end < 0) return { nodes: line.nodes, state };
        [at, state] = [end, ""];
        continue;
      }
      TOKEN.lastIndex = at;
      const found = TOKEN.exec(text);
      const { open } = found.groups;
      if (open) {
        const end = endOfText(text, TOKEN.lastIndex, open.slice(-3));
        line.token("string", text.slice(at, end < 0 ? undefined : end));
        if (end < 0) return { nodes: line.nodes, state: open.slice(-3) };
        at = end;
        continue;
      }
      line.take(found.groups, found[0], text.slice(TOKEN.lastIndex, TOKEN.lastIndex + 20));
      at = TOKEN.lastIndex;
    }
    line.flush();
    return { nodes: line.nodes, state };
  }

  agentui.highlight = highlight;
})();
