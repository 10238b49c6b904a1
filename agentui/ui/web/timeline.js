/* The steps of a run as a tree of bars on one time axis. A bar's place is a ratio of two CSS variables, so a longer
   axis moves all of them by one style change, and only the steps that changed are touched. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, StepRow } = agentui;

  /* Between two ticks there is a round time, and three to five such stretches are the axis: it grows in jumps, so bars
     do not shrink all the time. */
  const STRETCHES = [0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
  function axis(t) {
    const most = Math.max(t, 0.7) * 1.02;
    const stretch = STRETCHES.find((each) => each * 5 >= most) ?? 3600 * 2 ** Math.ceil(Math.log2(most / 5 / 3600));
    return { stretch, count: Math.max(3, Math.ceil(most / stretch)) };
  }
  function tickText(at, stretch) {
    if (stretch >= 3600) return `${at / 3600} h`;
    return stretch >= 60 ? `${at / 60} min` : `${+at.toFixed(1)} s`;
  }

  class Timeline {
    /* onPress(row): a row was pressed. onMove(row): a key went to it. */
    constructor({ onPress, onMove }) {
      Object.assign(this, { onPress, onMove });
      this.axis = el("div", "au-axis");
      this.axis.setAttribute("aria-hidden", "true");
      this.list = el("ol", "au-steps");
      this.list.setAttribute("role", "tree");
      this.list.setAttribute("aria-label", "Steps");
      this.node = el("div", "au-timeline", this.axis, this.list);
      this.node.id = "steps";
      this.list.addEventListener("keydown", (event) => this.key(event));
      this.clear();
    }
    clear() {
      this.list.replaceChildren();
      this.rows = [];
      this.byPath = new Map();
      this.current = null;
      this.end = 0;
      this.axis.replaceChildren();
      delete this.node.dataset.deep;
    }
    row(index) {
      while (this.rows.length <= index) {
        const row = new StepRow(this, String(this.rows.length));
        this.rows.push(row);
        this.list.append(row.node);
        if (this.rows.length === 1) row.button.tabIndex = 0;
      }
      return this.rows[index];
    }
    /* Only the first `count` steps are there. */
    cut(count) {
      const gone = this.rows.splice(count);
      if (!gone.length) return;
      for (const row of gone) row.remove();
      if (this.current && !this.byPath.has(this.current.path)) this.current = null;
      if (this.rows.length && !this.list.querySelector('button.au-row[tabindex="0"]')) this.rows[0].button.tabIndex = 0;
    }
    /* Marks the row at `path` as the selected one, or none; it comes into view unless a hand is on it already. */
    select(path, { reveal = true } = {}) {
      const row = this.byPath.get(path) ?? null;
      if (row !== this.current) {
        this.current?.button.setAttribute("aria-selected", "false");
        row?.button.setAttribute("aria-selected", "true");
        this.current = row;
      }
      if (!row) return;
      this.rove(row);
      for (let above = row.parent; above; above = above.parent) above.unfolded = true;
      const scroller = this.node.parentElement;
      if (reveal && scroller) agentui.reveal(row.button, scroller);
    }
    /* One row can be reached by Tab, the others from there by arrows. */
    rove(row) {
      for (const button of this.list.querySelectorAll('button.au-row[tabindex="0"]')) button.tabIndex = -1;
      row.button.tabIndex = 0;
    }
    key(event) {
      const row = this.byPath.get(event.target.dataset.path);
      if (!row || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
      if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
        event.preventDefault();
        return event.key === "ArrowRight" ? this.inwards(row) : this.outwards(row);
      }
      const shown = this.shown();
      const at = shown.indexOf(row);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      if (shown[to]) this.go(shown[to]);
    }
    inwards(row) {
      const inner = row.children.values().next().value;
      if (row.unfolded && inner) return this.go(inner);
      if (inner) {
        row.chosen = row.unfolded = true;
      } else if (row.expanded === false) {
        row.toggle();
        this.onMove(row);
      }
    }
    outwards(row) {
      if (!row.expanded && !row.open) return row.parent && this.go(row.parent);
      row.fold();
    }
    go(row) {
      this.rove(row);
      row.button.focus();
      this.onMove(row);
    }
    /* The rows that can be seen, in their order. */
    shown(rows = this.rows) {
      return rows.flatMap((row) => [row, ...(row.unfolded ? this.shown([...row.children.values()]) : [])]);
    }
    scale(t) {
      const { stretch, count } = axis(t);
      const end = stretch * count;
      if (end === this.end) return;
      this.end = end;
      this.node.style.setProperty("--end", end);
      this.node.style.setProperty("--stretches", count);
      const ticks = Array.from({ length: count + 1 }, (_, index) => {
        const tick = el("span", "", index ? tickText(index * stretch, stretch) : "0");
        tick.style.setProperty("--at", index / count);
        return tick;
      });
      this.axis.replaceChildren(...ticks);
    }
  }

  agentui.Timeline = Timeline;
})();
