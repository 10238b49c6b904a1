/* The fold of records into what is shown, as agentui/view.py does it. No DOM: the page and a saved run use it alike. */
(() => {
  const agentui = (window.agentui ??= {});

  class Text {
    constructor(text = "") {
      this.chunks = text ? [text] : [];
      this.length = text.length;
    }
    add(text) {
      this.chunks.push(text);
      this.length += text.length;
    }
    toString() {
      if (this.chunks.length > 1) this.chunks = [this.chunks.join("")];
      return this.chunks[0] ?? "";
    }
  }

  const sumKnown = (a, b) => (a == null ? b : b == null ? a : a + b);

  /* Adds token counts; nulls are numbers nobody said, and no calls at all give null. */
  function addUsage(a, b) {
    if (!a || !b) return a ?? b ?? null;
    return {
      input_tokens: a.input_tokens + b.input_tokens,
      output_tokens: a.output_tokens + b.output_tokens,
      total_tokens: a.total_tokens + b.total_tokens,
      cached_input_tokens: sumKnown(a.cached_input_tokens, b.cached_input_tokens),
      reasoning_tokens: sumKnown(a.reasoning_tokens, b.reasoning_tokens),
      source: a.source === b.source ? a.source : "mixed",
      cost_usd: a.cost_usd == null || b.cost_usd == null ? null : a.cost_usd + b.cost_usd,
    };
  }

  class StepView {
    constructor(number, kind, started) {
      Object.assign(this, { number, kind, started });
      this.firstDelta = this.codeStarted = this.resent = this.asked = this.decided = null;
      this.calls = new Map();
      this.artifacts = [];
      this.requests = [];
      this.retries = [];
      this.approvals = [];
      this.usage = this.cost = this.counted = this.margin = this.closed = this.diverged = this.end = null;
      this.clearAnswer();
      this.output = new Text();
    }
    clearAnswer() {
      this.reasoning = new Text();
      this.thought = new Text();
      this.code = new Text();
    }
    /* All model calls of the step: failed attempts and called agents included. */
    get total() {
      if (this.end) return this.end.usage ?? null;
      const called = [...this.calls.values()].map((call) => call.subagent?.usage);
      return [...this.retries.map((retry) => retry.usage), ...called].reduce(addUsage, this.usage);
    }
    settle(event) {
      this.reasoning = new Text(event.reasoning);
      this.thought = new Text(event.thought);
      this.code = new Text(event.code ?? "");
      this.output = new Text(event.output);
      /* Otherwise the sum is not that of one call. */
      if (!this.usage && !this.retries.length && ![...this.calls.values()].some((call) => call.subagent))
        [this.usage, this.cost] = [event.usage, event.cost];
      this.end = event;
    }
    /* Parts of the step on the run's clock; the last one of a step that goes on ends at `now`. */
    spans(now) {
      const timing = this.end?.timing;
      const finished = timing?.finished ?? now;
      const started = timing?.started ?? this.started;
      const first = timing?.first_delta ?? this.firstDelta;
      const answered = timing ? timing.model_finished : (this.asked ?? this.codeStarted);
      const ran = this.codeStarted != null;
      const spans = [{ kind: "waiting", from: started, to: first ?? answered ?? finished }];
      if (first != null) spans.push({ kind: "generating", from: first, to: answered ?? finished });
      if (this.asked != null) spans.push({ kind: "person", from: this.asked, to: this.decided ?? this.codeStarted ?? finished });
      if (ran) spans.push({ kind: "running", from: this.asked == null ? (answered ?? this.codeStarted) : this.codeStarted, to: finished });
      return spans;
    }
  }

  const DELTAS = {
    reasoning_delta: ["reasoning", "reasoning"],
    text_delta: ["thought", "writing"],
    code_delta: ["code", "coding"],
    output_delta: ["output", "running"],
  };

  /* A run as shown; built only by `apply`. `next` is the seq that is expected next. */
  class RunView {
    constructor(runId) {
      this.runId = runId;
      this.start = this.restored = this.stopped = this.end = null;
      this.steps = [];
      this.compactions = [];
      this.changes = [];
      this.said = [];
      this.phase = "starting";
      this.detail = null;
      this.t = 0;
      this.next = 0;
    }
    /* Questions that nobody has answered yet, those of called agents included. */
    get pending() {
      const { step } = this;
      if (this.end || !step || step.end) return [];
      const called = [...step.calls.values()].flatMap((call) => call.subagent?.pending ?? []);
      return [...step.approvals.filter((one) => one.asked && !one.decided).map((one) => one.asked), ...called];
    }
    get step() {
      return this.steps[this.steps.length - 1];
    }
    get usage() {
      if (this.end) return this.end.usage;
      return this.steps.reduce((sum, step) => addUsage(sum, step.total), null);
    }
    /* US dollars so far; null as soon as the price of one call is unknown: a sum of some would look like that of all. */
    get cost() {
      if (this.end) return this.end.cost ?? null;
      const rows = this.usageRows(this.t);
      if (!rows.length || !rows.every((row) => row.cost)) return null;
      return { usd: rows.reduce((all, row) => all + row.cost.usd, 0), source: [...new Set(rows.map((row) => row.cost.source))].join("; ") };
    }
    /* The newest call of the run's own agent, whose input and output are what its context holds now; null before it. */
    get context() {
      return this.steps.findLast((step) => step.usage)?.usage ?? null;
    }
    /* Tokens that the model reads at once; null where nobody knows. */
    get contextWindow() {
      return this.start?.context_tokens ?? null;
    }
    /* Action steps, the one that goes on included. */
    get actions() {
      return this.steps.reduce((all, step) => all + (step.kind === "action"), 0);
    }
    /* Folds one record in; returns the step it changed, if any. */
    apply(record) {
      const { event, t } = record;
      this.t = t;
      this.next = record.seq + 1;
      switch (event.type) {
        case "run_started":
          this.start = event;
          return null;
        case "state_restored":
          this.restored = event;
          return null;
        case "step_started":
          this.steps.push(new StepView(event.step, event.kind, t));
          this.phase = "waiting";
          return this.step;
        case "stop_requested":
          this.stopped = { at: t, running: ["running", "calling"].includes(this.phase) };
          this.phase = "stopping";
          return this.step ?? null;
        case "context_compacted":
          this.compactions.push({ ...event, before: this.steps.length });
          return null;
        case "state_changed":
          this.changes.push(event);
          return this.step ?? null;
        case "message_added":
          this.said.push({ message: event, before: this.steps.length });
          return null;
        case "run_finished":
          this.end = event;
          this.phase = "ended";
          return null;
        default:
          if (!this.step) return null;
          this.phase = this.applyToStep(this.step, event, record) ?? this.phase;
          return this.step;
      }
    }
    applyToStep(step, event, record) {
      const { t } = record;
      if (event.type in DELTAS) {
        const [field, phase] = DELTAS[event.type];
        step[field].add(event.text);
        if (field !== "output") step.firstDelta ??= t;
        return phase;
      }
      switch (event.type) {
        case "code_started":
          step.code = new Text(event.code);
          step.codeStarted = t;
          return "running";
        case "tool_call_started":
          step.calls.set(event.call_id, { started: event, finished: null, subagent: null, at: t });
          this.detail = event.name;
          return "calling";
        case "tool_call_finished":
          if (!step.calls.has(event.call_id)) return null;
          step.calls.get(event.call_id).finished = event;
          return "running";
        case "subagent_event":
          this.applyToSubagent(step.calls.get(event.call_id), event, record);
          return null;
        case "artifact_created":
          step.artifacts.push(event);
          return null;
        case "usage_updated":
          step.usage = event.usage;
          step.cost = event.cost ?? null;
          step.counted = event.counted_output_tokens ?? null;
          step.margin = event.margin ?? null;
          return null;
        case "approval_requested":
          step.approvals.push({ asked: event, decided: null });
          step.asked ??= t;
          return "approving";
        case "approval_decided": {
          if (step.asked != null) step.decided = t;
          const known = step.approvals.find((one) => one.asked?.approval_id === event.approval_id);
          if (known) known.decided = event;
          else step.approvals.push({ asked: null, decided: event });
          return "waiting";
        }
        case "upstream_closed":
          step.closed = event;
          return null;
        case "diverged":
          step.diverged = event;
          return null;
        case "model_requested":
          this.newest = { sent: event, seq: record.seq, t, before: this.newest ?? null, response: null };
          step.requests.push(this.newest);
          return null;
        case "model_responded":
          if (step.requests.length) step.requests.at(-1).response = event;
          return null;
        case "model_retried":
          step.retries.push(event);
          step.clearAnswer();
          step.usage = step.firstDelta = null;
          step.resent = t + event.wait_s;
          this.detail = { until: step.resent };
          return "retrying";
        case "step_finished":
          step.settle(event);
          return "waiting";
        default:
          return null;
      }
    }
    applyToSubagent(call, event, record) {
      if (!call) return;
      call.subagent ??= new RunView(this.runId);
      call.subagent.apply({ ...record, event: event.event });
    }
    /* A row for every model call that cost something, in the order they were made. Those of a step that has finished
       are the same objects each time. */
    usageRows(now) {
      return this.steps.flatMap((step, index) => {
        if (!step.end) return this.stepRows(step, index, now);
        return (step.rows ??= this.stepRows(step, index, now));
      });
    }
    stepRows(step, index, now) {
      const rows = [];
      const common = { index, agent: "", step: step.number, kind: step.kind, model: this.start?.model ?? "" };
      for (const retry of step.retries)
        if (retry.usage)
          rows.push({ ...common, key: `${step.number}.${retry.attempt}`, attempt: retry.attempt, usage: retry.usage, cost: retry.cost ?? null, failed: true });
      if (step.usage) rows.push({ ...common, ...this.lastCall(step, now) });
      for (const [id, call] of step.calls)
        for (const row of call.subagent?.usageRows(now) ?? []) {
          const agent = row.agent ? `${call.started.name}/${row.agent}` : call.started.name;
          rows.push({ ...row, index, agent, key: `${id}/${row.key}` });
        }
      return rows;
    }
    lastCall(step, now) {
      const timing = step.end?.timing;
      const first = timing ? timing.first_delta : step.firstDelta;
      const finished = timing ? timing.model_finished : (step.asked ?? step.codeStarted ?? now);
      return {
        key: `${step.number}.last`,
        attempt: step.retries.length + 1,
        usage: step.usage,
        cost: step.cost,
        counted: step.counted,
        margin: step.margin,
        live: !step.end && step.asked == null && step.codeStarted == null && !this.end,
        first: first == null ? null : first - (step.resent ?? timing?.started ?? step.started),
        generating: first == null || finished == null ? null : finished - first,
      };
    }
  }

  Object.assign(agentui, { RunView, addUsage });
})();
