/* The pictures of a run's timing, drawn as SVG. Each is an image whose name says in words what it shows. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText, seconds, count, percent } = agentui;
  const { KINDS, BINS } = agentui.timing;
  const WIDTH = 200;
  const HEIGHT = 44;
  const NAMES = {
    waiting: "waiting for the model",
    streaming: "streaming",
    code: "running code",
    tools: "tools and called agents",
    retry: "waiting to try again",
    person: "waiting for a person",
    other: "everything else",
  };

  function svg(tag, attributes, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  function set(node, name, value) {
    if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
  }

  const image = (className, height, ...children) =>
    svg("svg", { class: className, viewBox: `0 0 ${WIDTH} ${height}`, preserveAspectRatio: "none", role: "img" }, ...children);

  /* Tokens a second over time. */
  class Sparkline {
    constructor() {
      this.area = svg("path", { class: "au-spark-area" });
      this.line = svg("path", { class: "au-spark-line" });
      this.svg = image("au-spark", HEIGHT, this.area, this.line);
      this.most = el("span", "");
      this.span = el("span", "");
      this.node = el("figure", "", el("figcaption", "", el("span", "", "Tokens a second"), this.most), this.svg, el("div", "au-ends", el("span", "", "first delta"), this.span));
    }
    /* The first is characters by time. ratio: tokens a character. */
    draw({ sums, from, last, length }, ratio) {
      const values = sums.map((sum, at) => {
        const passed = at === sums.length - 1 ? Math.min(length, Math.max(length / 2, last - from - at * length)) : length;
        return (sum * ratio) / passed;
      });
      const most = Math.max(1, ...values);
      const x = (at) => (values.length > 1 ? (at / (values.length - 1)) * WIDTH : WIDTH);
      const y = (value) => HEIGHT - 2 - (value / most) * (HEIGHT - 6);
      const points = (values.length === 1 ? [values[0], values[0]] : values).map((value, at) => `${(values.length === 1 ? at * WIDTH : x(at)).toFixed(1)},${y(value).toFixed(1)}`);
      const path = points.length ? `M${points.join("L")}` : "";
      set(this.line, "d", path);
      set(this.area, "d", path && `${path}L${WIDTH},${HEIGHT}L0,${HEIGHT}Z`);
      setText(this.most, values.length ? `at most ≈${count(Math.round(most))}` : "");
      setText(this.span, values.length ? seconds(last - from) : "");
      const said = values.length
        ? `Tokens a second over ${seconds(last - from)}: at least ≈${count(Math.round(Math.min(...values)))}, at most ≈${count(Math.round(most))}`
        : "Tokens a second: nothing has come yet";
      set(this.svg, "aria-label", said);
    }
  }

  /* Where a gap stands on the axis, which doubles from bin to bin: from half a millisecond on. */
  const placeOf = (gap) => (Math.min(BINS, Math.max(0, Math.log2(gap * 1000) + 1)) / BINS) * WIDTH;

  /* How many gaps between deltas were how long. */
  class Histogram {
    constructor() {
      const width = WIDTH / BINS;
      this.bars = Array.from({ length: BINS }, (_, at) => svg("rect", { class: "au-gap", x: at * width + 0.5, width: width - 1 }));
      this.marks = [0.5, 0.95].map((share) => svg("line", { class: `au-quantile au-quantile-${share * 100}`, y1: 0, y2: HEIGHT }));
      this.svg = image("au-histogram", HEIGHT, ...this.bars, ...this.marks);
      const ticks = [0.001, 0.01, 0.1, 1, 10].map((gap) => {
        const tick = el("span", "", gap < 1 ? `${gap * 1000} ms` : `${gap} s`);
        tick.style.setProperty("--at", (placeOf(gap) / WIDTH).toFixed(4));
        return tick;
      });
      this.shares = el("span", "");
      this.node = el("figure", "", el("figcaption", "", el("span", "", "Gaps"), this.shares), this.svg, el("div", "au-ticks", ...ticks));
    }
    draw({ bins, gaps }) {
      const most = Math.max(1, ...bins);
      bins.forEach((n, at) => {
        const height = n ? Math.max(2, (n / most) * (HEIGHT - 4)) : 0;
        set(this.bars[at], "y", (HEIGHT - height).toFixed(1));
        set(this.bars[at], "height", height.toFixed(1));
      });
      const [half, most95] = [gaps.at(0.5), gaps.at(0.95)];
      [half, most95].forEach((gap, at) => {
        const x = gap == null ? -9 : placeOf(gap).toFixed(1);
        set(this.marks[at], "x1", x);
        set(this.marks[at], "x2", x);
      });
      const words = half == null ? "" : `p50 ${seconds(half)} · p95 ${seconds(most95)}`;
      setText(this.shares, words);
      const n = gaps.length;
      const said = n ? `Gaps between deltas: ${count(n)} of them, half at most ${seconds(half)}, 95 % at most ${seconds(most95)}, the longest ${seconds(gaps.at(1))}` : "Gaps between deltas: none yet";
      set(this.svg, "aria-label", said);
    }
  }

  /* What the time went to: a bar in parts, and the same in words and numbers. */
  class Shares {
    constructor() {
      this.parts = Object.fromEntries(KINDS.map((kind) => [kind, svg("rect", { class: `au-time au-time-${kind}`, y: 0, height: 10 })]));
      this.svg = image("au-shares", 10, ...Object.values(this.parts));
      this.rows = Object.fromEntries(KINDS.map((kind) => [kind, el("div", "", el("dt", "", el("i", `au-swatch au-time-${kind}`), NAMES[kind]), el("dd", ""))]));
      this.list = el("dl", "au-times", ...Object.values(this.rows));
      this.node = el("figure", "", el("figcaption", "", el("span", "", "Time"), (this.sum = el("span", ""))), this.svg, this.list);
      set(this.svg, "aria-label", "What the time went to; the numbers follow");
    }
    draw(times) {
      const all = KINDS.reduce((sum, kind) => sum + times[kind], 0);
      let from = 0;
      for (const kind of KINDS) {
        const width = all ? (times[kind] / all) * WIDTH : 0;
        set(this.parts[kind], "x", from.toFixed(2));
        set(this.parts[kind], "width", width.toFixed(2));
        from += width;
        const shown = times[kind] >= 0.0005;
        if (this.rows[kind].hidden === shown) this.rows[kind].hidden = !shown;
        if (shown) setText(this.rows[kind].lastChild, `${seconds(times[kind])} · ${percent(times[kind] / all)}`);
      }
      setText(this.sum, seconds(all));
    }
  }

  agentui.charts = { Sparkline, Histogram, Shares };
})();
