/* A folded run as a transcript: the task, its steps as cards, and the answer. It needs nothing of the page around it, so
   a run in a file, and one of several beside each other, are shown by the same code. A frame costs what changed: only the
   step that goes on is looked at, and a text that grew is appended to. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, cleanLine } = agentui;
  const SHOWN_TASK = 5_000;

  function taskRow(task) {
    const more = task.length - SHOWN_TASK;
    const text = task.replace(/\r\n?/g, "\n").slice(0, SHOWN_TASK).split("\n").map(cleanLine).join("\n");
    const cut = more > 0 ? `\n\n… (${agentui.count(more)} more characters)` : "";
    const row = agentui.messageRow("user", el("div", "au-task", text + cut));
    row.setAttribute("aria-label", "Task");
    return row;
  }

  const notesBefore = (view, index) => view.compactions.filter((event) => event.before === index).map(agentui.compactionText);

  class Transcript {
    /* artifactUrl(id): where the bytes of an artifact are; null if they are nowhere. runs: earlier ones by id, which
       this one may go on with. selectable: heads of cards are buttons for whoever listens to clicks on `.au-select`.
       `node` is its element. */
    constructor({ artifactUrl = () => null, runs = new Map(), selectable = false } = {}) {
      this.runs = runs;
      this.cards = new agentui.StepCards({ artifactUrl, selectable }, notesBefore);
      this.head = el("div", "au-place");
      this.tail = el("div", "au-place");
      this.node = el("div", "au-transcript", this.head, this.cards.node, this.tail);
      this.clear();
    }
    /* Nothing is shown any more. */
    clear() {
      this.start = this.end = null;
      this.head.replaceChildren();
      this.tail.replaceChildren();
      this.cards.clear();
    }
    /* Shows a run as it is folded now, at `now` seconds since it started. Any run at any moment, forth and back. */
    update(view, now) {
      if (view.start !== this.start) this.drawStart(view);
      this.cards.update(view, now);
      if (view.end === this.end) return;
      this.end = view.end;
      this.tail.replaceChildren(...(view.end ? [agentui.endRow(view, this.runs)] : []));
    }
    drawStart(view) {
      this.start = view.start;
      if (!view.start) return this.head.replaceChildren();
      const resumed = view.start.parent?.relation === "resumed";
      this.head.replaceChildren(resumed ? agentui.messageRow("bot", agentui.noteNode(agentui.resumedText(view, this.runs))) : taskRow(view.start.task));
    }
  }

  agentui.Transcript = Transcript;
})();
