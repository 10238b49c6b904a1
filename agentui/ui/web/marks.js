/* The transcript's part in selecting: the head of a step's card selects the step, and the card of the selected step is
   marked and comes into view. Cards are text of the server, so the step and the run stand in the class of their head. */
(() => {
  const agentui = (window.agentui ??= {});
  const numbered = (head, prefix) => [...head.classList].find((name) => name.startsWith(prefix))?.slice(prefix.length) ?? null;
  const CARD = ".message-row, .au-step-card";

  /* The run and the step that the head of a card is about; null if they are not here. */
  function stepOf(head, inspector) {
    const [runId, number] = [numbered(head, "au-run-"), Number(numbered(head, "au-step-"))];
    const run = inspector.runs.get(runId);
    const index = run?.view.steps.findIndex((step) => step.number === number) ?? -1;
    return index < 0 ? null : { runId, index, step: run.view.steps[index] };
  }

  class Marks {
    /* chat: scrolls, and has the cards in it. hold(): it must not follow its end now. */
    constructor(chat, inspector, hold = () => {}) {
      Object.assign(this, { chat, inspector, hold });
      this.card = this.wanted = null;
      this.reveals = false;
      chat.addEventListener("click", (event) => this.click(event));
      new MutationObserver(() => this.wanted && this.schedule()).observe(chat, { childList: true, subtree: true });
    }
    click(event) {
      const head = event.target.closest?.(".au-head");
      // Buttons of a head that do something else are their own.
      const other = event.target.closest?.("button, a, summary");
      if (!head || (other && !other.classList.contains("au-select"))) return;
      const found = stepOf(head, this.inspector);
      if (found) this.inspector.select(found.index, { runId: found.runId, from: "transcript" });
    }
    /* What the inspector has selected. */
    select({ run, step, from }) {
      this.wanted = step ? `au-step-${step.number} au-run-${run.view.runId}` : null;
      this.reveals = Boolean(step) && from !== "transcript";
      this.draw();
    }
    schedule() {
      this.scheduled ??= requestAnimationFrame(() => {
        this.scheduled = null;
        this.draw();
      });
    }
    /* A card may be drawn late, and a live one is drawn anew when its step has ended. */
    draw() {
      const head = this.wanted && this.chat.getElementsByClassName(this.wanted)[0];
      const card = head ? (head.closest(CARD) ?? head) : null;
      if (card !== this.card) {
        this.card?.removeAttribute("aria-current");
        card?.setAttribute("aria-current", "step");
        this.card = card;
      }
      if (!card || !this.reveals) return;
      this.reveals = false;
      if (!card.offsetParent) return;
      // Long cards are read from their head.
      this.chat.scrollTop += card.getBoundingClientRect().top - this.chat.getBoundingClientRect().top - 16;
      this.hold();
    }
  }

  Object.assign(agentui, { Marks, stepOf });
})();
