/* Time of a run as a control: back to any moment, playing from there, and to the run as it is now. It works on the
   shown run of an inspector and needs nothing else of the page. Playing back asks and does nothing. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText, clock } = agentui;
  const SPEEDS = [0.25, 0.5, 1, 2, 5, 10, 20];
  /* How far J and L go, in seconds. */
  const LEAP = 5;
  /* How often the time of a run that is only watched is written, in milliseconds. */
  const SELDOM = 250;
  const KEYS = "Keys: Space or K plays and pauses, J and L go 5 s back and on, arrows a record, Page Up and Down a step.";

  function button(className, label, ...children) {
    const node = el("button", className, ...children);
    node.type = "button";
    node.setAttribute("aria-label", label);
    node.title = label;
    return node;
  }

  class Scrubber {
    constructor(inspector) {
      this.inspector = inspector;
      this.play = button("au-play", "Play back", el("i"));
      this.range = el("input", "au-moment");
      Object.assign(this.range, { type: "range", min: 0, step: "any", title: KEYS });
      this.range.setAttribute("aria-label", "Moment of the run");
      this.steps = el("span", "au-moments");
      this.steps.setAttribute("aria-hidden", "true");
      this.time = el("span", "au-clock");
      this.speed = el("select", "au-speed", ...SPEEDS.map((speed) => new Option(`${speed}×`, speed, speed === 1, speed === 1)));
      this.speed.setAttribute("aria-label", "Speed");
      this.skip = el("input");
      this.skip.type = "checkbox";
      this.behind = el("span", "au-behind");
      this.live = el("button", "au-live", el("i", "au-dot"), "Live", this.behind);
      this.live.type = "button";
      const track = el("span", "au-moment-track", this.steps, this.range);
      const skip = el("label", "au-skip", this.skip, "Skip waits");
      skip.title = "Waits of more than a second become short";
      this.node = el("div", "au-scrubber", this.play, track, this.time, this.speed, skip, this.live);
      this.node.setAttribute("role", "group");
      this.node.setAttribute("aria-label", "Time of the run");
      this.node.hidden = true;
      this.listen();
      inspector.drawers.push(() => this.draw());
    }
    listen() {
      this.play.addEventListener("click", () => this.toggle());
      this.live.addEventListener("click", () => this.inspector.goLive());
      for (const choice of [this.speed, this.skip]) choice.addEventListener("change", () => this.playhead && this.look(() => {}));
      this.range.addEventListener("input", () => this.drag());
      this.range.addEventListener("change", () => this.drop());
      this.node.addEventListener("keydown", (event) => this.key(event));
    }
    get playhead() {
      return this.inspector.playhead;
    }
    look(go) {
      this.inspector.lookBack((playhead) => {
        playhead.speed = Number(this.speed.value);
        playhead.skips = this.skip.checked;
        go(playhead);
      });
    }
    /* A run that is watched while it goes on plays already. */
    toggle() {
      const plays = this.playhead ? this.playhead.playing : !this.inspector.shown.view.end;
      this.look((playhead) => (plays ? playhead.pause() : playhead.play()));
    }
    drag() {
      const to = Number(this.range.value);
      this.resumes ||= Boolean(this.playhead?.playing);
      this.look((playhead) => {
        playhead.pause();
        playhead.seek(to >= Number(this.range.max) ? Infinity : to);
      });
    }
    drop() {
      if (this.resumes && this.playhead && !this.playhead.atEnd) this.look((playhead) => playhead.play());
      this.resumes = false;
    }
    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target === this.speed) return;
      const onRange = event.target === this.range;
      const does = LETTERS[event.key.toLowerCase()] ?? (onRange ? MOVES[event.key] : undefined);
      if (!does) return;
      event.preventDefault();
      event.stopPropagation();
      does(this);
    }
    /* On from what is newest there is nothing. */
    go(move, on) {
      if (!on || this.playhead) this.look(move);
    }

    draw() {
      const { inspector, playhead } = this;
      const { shown } = inspector;
      this.node.hidden = !shown;
      if (!shown) return;
      const at = performance.now();
      const state = `${shown.view.runId}/${Boolean(playhead)}/${playhead?.playing}/${shown.view.phase}/${shown.view.steps.length}`;
      if (!playhead && state === this.state && at - this.drawnAt < SELDOM) return;
      Object.assign(this, { state, drawnAt: at });
      this.drawTime(shown, playhead);
      this.drawSteps(shown.view);
      this.drawButtons(shown.view, playhead);
    }
    drawTime(shown, playhead) {
      const end = Math.max(shown.now(), 0.001);
      const t = playhead ? Math.min(playhead.t, end) : end;
      this.range.max = end;
      this.range.value = t;
      this.node.style.setProperty("--end", end);
      this.node.style.setProperty("--part", t / end);
      const { step } = (playhead ?? shown).view;
      const where = step ? `${step.kind === "planning" ? "plan" : "step"} ${step.number}` : "before the first step";
      setText(this.time, playhead ? `${clock(t)} / ${clock(end)}` : clock(end));
      const said = `${where}, ${clock(t)} of ${clock(end)}`;
      if (said === this.said) return;
      this.said = said;
      this.range.setAttribute("aria-valuetext", said);
      setText(this.behind, playhead && !shown.view.end ? ` ${clock(end - t)} behind` : "");
    }
    drawSteps({ steps }) {
      const { children } = this.steps;
      while (children.length > steps.length) this.steps.lastChild.remove();
      steps.forEach((step, index) => {
        const mark = children[index] ?? this.steps.appendChild(el("i"));
        const from = step.started.toFixed(3);
        if (mark.style.getPropertyValue("--from") !== from) mark.style.setProperty("--from", from);
      });
    }
    drawButtons({ end }, playhead) {
      const plays = playhead ? playhead.playing : !end;
      const label = plays ? "Pause" : "Play back";
      this.node.dataset.plays = String(plays);
      this.node.dataset.time = playhead ? "past" : "live";
      if (this.play.title !== label) this.play.title = label;
      this.play.setAttribute("aria-label", label);
      this.live.setAttribute("aria-pressed", String(!playhead));
      this.live.title = playhead ? "Back to the run as it is now" : "You see the run as it is now";
    }
  }

  const LETTERS = {
    j: (scrubber) => scrubber.go((playhead) => playhead.seek(playhead.t - LEAP)),
    k: (scrubber) => scrubber.toggle(),
    l: (scrubber) => scrubber.go((playhead) => playhead.seek(playhead.t + LEAP), true),
  };
  const back = (scrubber) => scrubber.go((playhead) => playhead.move(-1));
  const on = (scrubber) => scrubber.go((playhead) => playhead.move(1), true);
  const MOVES = {
    " ": LETTERS.k,
    ArrowLeft: back,
    ArrowDown: back,
    ArrowRight: on,
    ArrowUp: on,
    PageDown: (scrubber) => scrubber.go((playhead) => playhead.moveStep(-1)),
    PageUp: (scrubber) => scrubber.go((playhead) => playhead.moveStep(1), true),
    Home: (scrubber) => scrubber.go((playhead) => playhead.seek(0)),
    End: (scrubber) => scrubber.go((playhead) => playhead.seek(Infinity), true),
  };

  agentui.Scrubber = Scrubber;
})();
