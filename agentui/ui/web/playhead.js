/* A moment of a run, and the clock that plays it back: the fold of its first records, which are here already, so nothing
   is asked or done again. No DOM. It has the face of a WatchedRun: whoever shows a run shows a moment of it alike.
   A copy of the fold is kept from before every step, and a step that another one follows never changes: so going to a
   moment costs no more than the records of its own step. */
(() => {
  const agentui = (window.agentui ??= {});

  /* With waits skipped, one of more than LONG seconds takes SHORT. */
  const LONG = 1;
  const SHORT = 0.3;
  /* A page that was not drawn for a while goes on where it was. */
  const FRAME = 0.25;

  function copyOf(view) {
    const copy = Object.assign(Object.create(Object.getPrototypeOf(view)), view);
    for (const [name, value] of Object.entries(copy)) {
      if (Array.isArray(value)) copy[name] = [...value];
      else if (value instanceof Map) copy[name] = new Map(value);
    }
    return copy;
  }

  class Playhead {
    /* run: a WatchedRun, which may go on. `count` records are folded; `t` is the moment, in seconds since it started. It
       begins with what is newest. */
    constructor(run) {
      this.run = run;
      this.dirty = new Set();
      this.speed = 1;
      this.skips = this.playing = false;
      this.ticked = null;
      [this.count, this.t] = [run.view.next, this.end];
      this.forget();
    }
    /* Has records fetched that were left out of what was sent; a moment without them is shown until then. */
    fill(whole, done) {
      const missing = this.hole() < this.run.view.next;
      if (missing) whole().then(() => this.forget(), () => null).then(done);
      return this;
    }
    /* To be called when records before the moment have come. */
    forget() {
      const { t, count } = this;
      this.view = new agentui.RunView(this.run.view.runId);
      this.kept = [{ count: 0, view: copyOf(this.view) }];
      this.count = 0;
      this.goTo(count, t);
    }
    get records() {
      return this.run.records.slice(0, this.count);
    }
    get end() {
      return Math.max(this.run.now(), this.run.view.t);
    }
    get atEnd() {
      return this.count >= this.run.view.next && this.t >= this.end;
    }
    /* Whether it has come to where a run is that goes on. */
    get caughtUp() {
      return this.atEnd && !this.run.view.end;
    }
    now() {
      return this.view.end ? this.view.end.duration_s : this.t;
    }
    hole() {
      return this.run.hole();
    }
    whole(fetch) {
      return this.run.whole(fetch);
    }

    /* Goes to where `count` records have been, at time `t`: of the last of them, or later. */
    goTo(count, t = null) {
      const before = this.view.steps.length;
      const upTo = Math.max(0, Math.min(count, this.run.view.next));
      this.rewind(upTo);
      for (; this.count < upTo; this.count++) {
        const record = this.run.records[this.count];
        if (!record) continue;
        if (record.event.type === "step_started" && this.kept.at(-1).count < this.count)
          this.kept.push({ count: this.count, view: copyOf(this.view) });
        this.view.apply(record);
      }
      this.t = Math.max(this.view.t, t ?? 0);
      const { length } = this.view.steps;
      for (const index of this.dirty) if (index >= length) this.dirty.delete(index);
      for (let index = Math.max(0, Math.min(before, length) - 1); index < length; index++) this.dirty.add(index);
    }
    /* Back to the newest copy before `count`, or forward to it. */
    rewind(count) {
      const kept = this.kept.findLast((each) => each.count <= count);
      if (count >= this.count && kept.count <= this.count) return;
      this.view = copyOf(kept.view);
      this.count = kept.count;
    }
    /* Goes to a time. */
    seek(t) {
      const { records, view } = this.run;
      let count = this.count;
      if (t >= this.end) count = view.next;
      while (count < view.next && (records[count]?.t ?? 0) <= t) count++;
      // The task is there from the beginning.
      while (count > 1 && (records[count - 1]?.t ?? Infinity) > t) count--;
      this.goTo(count, Math.max(0, Math.min(t, this.end)));
    }
    /* To the next record that is here, or to the one before. */
    move(by) {
      let count = this.count + by;
      while (count > 0 && count < this.run.view.next && !this.run.records[count - 1]) count += by;
      this.goTo(count);
    }
    /* To the beginning of the next step, or of the one before. */
    moveStep(by) {
      const starts = this.run.view.steps.map((step) => step.started);
      const to = by > 0 ? starts.find((at) => at > this.t) : starts.findLast((at) => at < this.t);
      this.seek(to ?? (by > 0 ? Infinity : 0));
    }

    /* Plays from here, or from the beginning if this is the end. */
    play() {
      if (this.atEnd) this.seek(0);
      this.playing = true;
      this.ticked = null;
    }
    pause() {
      this.playing = false;
    }
    /* To be called with every frame, at `now` seconds of any clock. */
    tick(now) {
      if (!this.playing) return;
      if (this.ticked != null) this.advance(Math.min(FRAME, now - this.ticked) * this.speed);
      this.ticked = now;
    }
    /* Plays on for so many seconds of the run. */
    advance(seconds) {
      const { records, view } = this.run;
      const { end } = this;
      let { count, t } = this;
      let from = this.view.t;
      for (let left = seconds; ; ) {
        while (count < view.next && !records[count]) count++;
        const next = records[count]?.t ?? end;
        const rate = this.skips && next - from > LONG ? (next - from) / SHORT : 1;
        if (next - t > left * rate) {
          t += left * rate;
          break;
        }
        left -= Math.max(0, next - t) / rate;
        t = from = Math.max(t, next);
        if (count >= view.next) {
          this.playing = false;
          break;
        }
        count++;
      }
      this.goTo(count, t);
    }
  }

  /* A time as clocks show it: they never run ahead. */
  const clock = (t) => (t < 60 ? `${(Math.floor(t * 10 + 1e-6) / 10).toFixed(1)} s` : agentui.seconds(t));

  Object.assign(agentui, { Playhead, clock });
})();
