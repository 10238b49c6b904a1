/* One run as this browser watches it: its records, their fold, and how its clock relates to this one's. */
(() => {
  const agentui = (window.agentui ??= {});

  class WatchedRun {
    constructor(runId) {
      this.view = new agentui.RunView(runId);
      /* By seq. A record that a later one repeats may be missing: it is a hole, until `whole` has filled it. */
      this.records = [];
      this.dirty = new Set();
      this.offset = 0;
      this.waiting = false;
    }
    now() {
      return this.view.end ? this.view.end.duration_s : Math.max(this.view.t, performance.now() / 1000 + this.offset);
    }
    /* Takes a stretch; false if something before it is missing. */
    take(part) {
      if (part.from_seq > this.view.next) return false;
      this.offset = part.elapsed - performance.now() / 1000;
      for (const record of part.records) {
        if (record.seq < this.view.next) continue;
        this.records[record.seq] = record;
        const step = this.view.apply(record);
        if (step) this.dirty.add(this.view.steps.length - 1);
      }
      this.view.next = Math.max(this.view.next, part.next_seq);
      return true;
    }
    /* The first seq that is not here; the length of the records if all are. */
    hole() {
      for (let seq = 0; seq < this.view.next; seq++) if (!this.records[seq]) return seq;
      return this.view.next;
    }
    /* Fetches what was left out, once; resolves when every record up to now is here, or nobody has it.
       fetch(from_seq) resolves to a stretch without holes. */
    async whole(fetch) {
      if (this.filling) return this.filling;
      this.filling = this.fill(fetch).finally(() => (this.filling = null));
      return this.filling;
    }
    async fill(fetch) {
      const upTo = this.view.next;
      for (let seq = this.hole(); seq < upTo; seq = this.hole()) {
        const part = await fetch(seq);
        if (!part || part.next_seq <= seq) return;
        for (const record of part.records) this.records[record.seq] ??= record;
        if (this.hole() <= seq) return;
      }
    }
  }

  agentui.WatchedRun = WatchedRun;
})();
