/* The conversation while a moment is looked at: over what is there now lies the transcript of the moment, at the same
   place and of the same size. What is below goes on, keeps its place, and is seen again with the present. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText, clock } = agentui;

  class Past {
    /* chat: what the transcript of a moment lies over. */
    constructor({ inspector, chat, artifactUrl }) {
      Object.assign(this, { inspector, chat, artifactUrl });
      this.node = null;
      inspector.drawers.push(() => this.draw());
    }
    /* Made when somebody looks back for the first time. */
    build() {
      const { inspector, chat, artifactUrl } = this;
      this.transcript = new agentui.Transcript({ artifactUrl, runs: inspector.runs, selectable: true });
      this.text = el("p", "au-past-mark");
      this.scroller = el("div", "au-scroll au-past-chat", this.transcript.node);
      this.scroller.tabIndex = 0;
      this.node = el("section", "au-past", this.text, this.scroller);
      this.node.setAttribute("aria-label", "The conversation at the moment that is shown");
      this.node.hidden = true;
      chat.after(this.node);
      this.follow = agentui.startFollowing(this.scroller);
      this.marks = new agentui.Marks(this.scroller, inspector, this.follow.hold);
      new ResizeObserver(() => this.place()).observe(chat);
    }
    /* Is told of what is selected. */
    select(selected) {
      this.marks?.select(selected);
    }
    place() {
      this.node.style.top = `${this.chat.offsetTop}px`;
      this.node.style.height = `${this.chat.offsetHeight}px`;
    }
    draw() {
      const { playhead, shown } = this.inspector;
      if (!this.node && !playhead) return;
      if (!this.node) this.build();
      if (this.node.hidden !== !playhead) this.turn(Boolean(playhead));
      if (!playhead) return;
      setText(this.text, this.words(playhead, shown));
      if (this.run !== shown) this.transcript.clear();
      this.run = shown;
      this.transcript.update(playhead.view, playhead.now());
    }
    words(playhead, shown) {
      const { own } = this.inspector;
      const which = own.length > 1 && own.includes(shown) ? ` · run ${own.indexOf(shown) + 1} of ${own.length}` : "";
      return `Showing ${clock(playhead.t)} of ${clock(playhead.end)}${shown.view.end ? "" : " so far"}${which}`;
    }
    turn(past) {
      this.inspector.say(past ? "An earlier moment of the run is shown" : "The run is shown as it is now");
      const had = this.node.contains(document.activeElement);
      this.node.hidden = !past;
      document.body.dataset.time = past ? "past" : "live";
      if (past) {
        this.place();
        this.follow();
      } else if (had) this.chat.parentElement.querySelector("textarea")?.focus();
    }
  }

  /* Puts the time of an inspector's run under `bar`, and its moments over `chat`. */
  agentui.startTime = ({ inspector, bar, chat, artifactUrl }) => {
    bar.after(new agentui.Scrubber(inspector).node);
    return new Past({ inspector, chat, artifactUrl });
  };
})();
