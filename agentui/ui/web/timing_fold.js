/* The fold of a run's records into its timing: when deltas came, how far they were apart, and what the time went to.
   A record costs the same however long the run is. Deltas of called agents are not told apart: they are the tool's time.
   No DOM. */
(() => {
  const agentui = (window.agentui ??= {});
  const MOST_STRETCHES = 96;
  const FIRST_STRETCH_S = 0.1;
  const RECENT_S = 2;
  const STALL_S = 1;
  const STALL_MEDIANS = 10;
  /* Upper ends of the histogram's bins: 1 ms and its doubles; the last bin has no end. */
  const BINS = 16;
  const KINDS = ["waiting", "streaming", "code", "tools", "retry", "person", "other"];
  const DELTAS = new Set(["reasoning_delta", "text_delta", "code_delta", "tool_call_delta"]);

  const TAKEN = new Set([
    ...["step_started", "model_requested", "model_responded", "usage_updated", "model_retried", "code_started", "tool_call_started"],
    ...["tool_call_finished", "approval_requested", "approval_decided", "step_finished", "run_finished"],
  ]);

  /* Amounts by time, in stretches of equal length; when they are used up, each becomes twice as long. */
  class Stretches {
    constructor() {
      this.from = this.last = null;
      this.length = FIRST_STRETCH_S;
      this.sums = [];
    }
    add(t, amount) {
      this.from ??= t;
      this.last = t;
      while (t - this.from >= this.length * MOST_STRETCHES) {
        this.sums = Array.from({ length: Math.ceil(this.sums.length / 2) }, (_, at) => (this.sums[2 * at] ?? 0) + (this.sums[2 * at + 1] ?? 0));
        this.length *= 2;
      }
      const at = Math.max(0, Math.floor((t - this.from) / this.length));
      while (this.sums.length <= at) this.sums.push(0);
      this.sums[at] += amount;
    }
  }

  /* Numbers that stay in order while more come. */
  class Sorted {
    constructor() {
      this.values = [];
      this.new = [];
    }
    get length() {
      return this.values.length + this.new.length;
    }
    add(value) {
      this.new.push(value);
    }
    /* The smallest value that at least this share of all are not above; null of none. */
    at(share) {
      if (this.new.length > 100) {
        this.values = this.values.concat(this.new).sort((a, b) => a - b);
      } else for (const value of this.new) this.values.splice(this.place(value), 0, value);
      this.new = [];
      return this.values.length ? this.values[Math.max(0, Math.ceil(share * this.values.length) - 1)] : null;
    }
    place(value) {
      let [low, high] = [0, this.values.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.values[middle] < value) low = middle + 1;
        else high = middle;
      }
      return low;
    }
  }

  const binOf = (gap) => Math.min(BINS - 1, Math.max(0, Math.ceil(Math.log2(gap * 1000))));

  /* A step, or the run. */
  class Scope {
    constructor() {
      this.rates = new Stretches();
      this.gaps = new Sorted();
      this.bins = new Array(BINS).fill(0);
      this.times = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
      this.firsts = new Sorted();
      this.first = null;
      this.deltas = this.characters = 0;
    }
    addDelta(t, characters) {
      this.deltas++;
      this.characters += characters;
      this.rates.add(t, characters);
    }
    addGap(gap) {
      this.gaps.add(gap);
      this.bins[binOf(gap)]++;
    }
    addFirst(wait) {
      this.first = wait;
      this.firsts.add(wait);
    }
  }

  class TimingFold {
    constructor() {
      this.run = new Scope();
      this.steps = [];
      this.long = [];
      this.recent = [];
      this.tools = new Set();
      this.next = this.since = 0;
      this.kind = "other";
      this.under = this.before = "other";
      this.asked = this.last = this.began = null;
      this.open = this.ended = false;
    }
    get step() {
      return this.steps[this.steps.length - 1] ?? null;
    }
    /* What time and deltas count for: the run, and the step that goes on. */
    get scopes() {
      return this.open ? [this.run, this.step] : [this.run];
    }
    /* Takes the records that are new, up to the first that is missing; whether none is. Holes below `lost` are nowhere. */
    advance(records, end, lost = 0) {
      for (; this.next < end; this.next++) {
        const record = records[this.next];
        if (record) this.take(record);
        else if (this.next >= lost) return false;
      }
      return true;
    }
    take({ event, t }) {
      if (DELTAS.has(event.type)) this.delta(t, event.text.length);
      else if (TAKEN.has(event.type)) this[event.type](event, t);
    }
    become(kind, t) {
      if (!this.ended) for (const scope of this.scopes) scope.times[this.kind] += Math.max(0, t - this.since);
      [this.kind, this.since] = [kind, t];
    }
    delta(t, characters) {
      for (const scope of this.scopes) {
        scope.addDelta(t, characters);
        if (this.last != null) scope.addGap(Math.max(0, t - this.last));
        else if (this.asked != null) scope.addFirst(Math.max(0, t - this.asked));
      }
      if (this.last == null) {
        this.become("streaming", t);
        this.began = t;
      } else if (t - this.last > STALL_S) this.long.push({ step: this.steps.length - 1, at: this.last, gap: t - this.last });
      this.last = t;
      this.recent.push([t, characters]);
      while (this.recent[0][0] < t - RECENT_S) this.recent.shift();
    }
    ask(t) {
      this.become("waiting", t);
      this.asked = t;
      this.last = null;
    }
    answered(t) {
      if (this.kind === "streaming" || this.kind === "waiting") this.become("other", t);
    }
    step_started(_, t) {
      this.become("other", t);
      this.steps.push(new Scope());
      this.open = true;
      this.ask(t); // recordings without requests have nothing better
    }
    model_requested(_, t) {
      this.ask(t);
    }
    model_responded(_, t) {
      this.answered(t);
    }
    usage_updated({ settled }, t) {
      if (settled) this.answered(t);
    }
    model_retried(_, t) {
      this.become("retry", t);
      this.last = null;
    }
    code_started(_, t) {
      this.become("code", t);
    }
    tool_call_started({ call_id: id }, t) {
      if (!this.tools.size) this.under = this.kind;
      this.tools.add(id);
      this.become("tools", t);
    }
    tool_call_finished({ call_id: id }, t) {
      if (this.tools.delete(id) && !this.tools.size) this.become(this.under, t);
    }
    approval_requested(_, t) {
      this.before = this.kind;
      this.become("person", t);
    }
    approval_decided(_, t) {
      if (this.kind === "person") this.become(this.before, t);
    }
    step_finished(_, t) {
      this.become("other", t);
      this.tools.clear();
      this.open = false;
      this.last = this.asked = null;
    }
    run_finished(_, t) {
      this.become("other", t);
      this.ended = true;
    }
    /* Seconds by kind up to `now`; what goes on counts for the run and its newest step. */
    times(scope, now) {
      const times = { ...scope.times };
      if (!this.ended && this.scopes.includes(scope)) times[this.kind] += Math.max(0, now - this.since);
      return times;
    }
    /* Characters a second in the last two seconds; null while no answer comes. */
    pace(now) {
      if (this.ended || this.kind !== "streaming") return null;
      const from = Math.max(this.began, now - RECENT_S);
      const sum = this.recent.reduce((all, [t, characters]) => all + (t >= from ? characters : 0), 0);
      return now - from > 0.05 ? sum / (now - from) : null;
    }
    /* For how long the answer that comes has been silent; null if none comes. */
    silence(now) {
      return !this.ended && this.kind === "streaming" ? Math.max(0, now - this.last) : null;
    }
    /* Gaps that are long in themselves and for this run: [{step, at, gap}]. */
    stalls() {
      const least = STALL_MEDIANS * (this.run.gaps.at(0.5) ?? 0);
      return this.long.filter(({ gap }) => gap > least);
    }
  }

  agentui.timing = { TimingFold, Stretches, Sorted, KINDS, BINS };
})();
