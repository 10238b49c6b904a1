/* The Call panel: the request of the selected step as it was sent, what changed in it since the call before, and the
   raw response. A step whose call failed has several; the newest is shown until another one is chosen. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText, count, seconds, tokens, percent, requests, requestCode } = agentui;
  const { messageNodes, parameterNode, pre } = agentui.callParts;

  const titleOf = (step) => (step.kind === "planning" ? "Plan" : `Step ${step.number}`);

  /* The step that stands at a path of the tree, such as 2 or 2/call_1/0, the calls that lead to it, and the start of the
     run that it is a step of. */
  function stepAt(view, path) {
    const [index] = path.split("/", 1);
    const found = { step: view.steps[Number(index)], calls: [], start: view.start };
    found.title = found.step ? titleOf(found.step) : "";
    for (let rest = path.slice(index.length + 1); found.step && rest; ) {
      const id = [...found.step.calls.keys()].find((each) => rest.startsWith(`${each}/`));
      const call = found.step.calls.get(id);
      const [inner] = rest.slice((id ?? "").length + 1).split("/", 1);
      const step = call?.subagent?.steps[Number(inner)];
      if (!step) break;
      const title = `${found.title} › ${call.started.name} › ${titleOf(step)}`;
      Object.assign(found, { step, title, calls: [...found.calls, id], start: call.subagent.start ?? found.start });
      rest = rest.slice(id.length + inner.length + 2);
    }
    return found;
  }

  /* The step that is selected, else the newest that has sent something. */
  function stepOf({ view }, { selected, path }) {
    if (selected != null) return stepAt(view, path ?? String(selected));
    const newest = view.steps.findLastIndex((step) => step.requests.length);
    return stepAt(view, String(newest < 0 ? view.steps.length - 1 : newest));
  }

  /* An event of the agent that was called by the calls one inside the other; null if it is of another one. */
  const eventOf = (event, calls) => calls.reduce((outer, id) => (outer?.type === "subagent_event" && outer.call_id === id ? outer.event : null), event);

  /* The response of a request among a run's records: those that were sent late are in no view. */
  function responseIn(records, request, calls) {
    for (let seq = request.seq + 1; seq < records.length; seq++) {
      const event = records[seq] && eventOf(records[seq].event, calls);
      if (event?.type === "model_responded") return event;
      if (event?.type === "model_requested" || event?.type === "step_finished") return null;
    }
    return null;
  }

  const messages = (n) => `${count(n)} ${n === 1 ? "message" : "messages"}`;

  /* What changed since the call before, in words. */
  function changeText(request) {
    const changes = requests.changesOf(request);
    if (changes.first) return `The first call of this run: ${messages(changes.rows.length)}, ≈${count(changes.tokens)} tokens.`;
    const parts = ["added", "changed", "removed"].flatMap((mark) => (changes.count(mark) ? [`${mark} ${count(changes.count(mark))} (≈${count(changes.tokensOf(mark))})`] : []));
    const kept = `Kept ${messages(changes.kept)} (≈${count(changes.keptTokens)} tokens) since the last call`;
    if (changes.broke != null) return `${kept}; the prefix broke at message ${changes.broke}: ${parts.join(", ") || "what followed is gone"}.`;
    return parts.length ? `${kept}, ${parts.join(", ")}.` : `${kept}: the same was sent again.`;
  }

  function cacheText(usage) {
    if (!usage || usage.source === "estimated") return "";
    const { cached_input_tokens: cached, input_tokens: input } = usage;
    if (cached == null) return "The server does not say how much of it was in its cache.";
    return `The server read ${count(cached)} of ${tokens(input, usage.source)} input tokens from its cache${input ? ` (${percent(cached / input)})` : ""}.`;
  }

  const retryOf = (step, at) => step.retries[at] ?? null;
  const nameOf = (step, at) => {
    const retry = retryOf(step, at);
    const status = step.requests[at].response?.status;
    return [`Request ${at + 1} of ${step.requests.length}`, ...(status ? [`HTTP ${status}`] : []), ...(retry ? ["tried again"] : [])].join(" · ");
  };

  class CallPanel {
    static id = "call";
    static title = "Call";
    constructor(inspector) {
      this.inspector = inspector;
      this.switcher = el("select");
      this.switcher.setAttribute("aria-label", "Request of this step");
      this.switcher.addEventListener("change", () => {
        this.picked = Number(this.switcher.value);
        inspector.touch();
      });
      const copy = (what, make) => agentui.copyButton("au-button au-csv", `Copy as ${what}`, `Copy the request as ${what}`, () => this.code(make));
      this.copies = [copy("curl", requestCode.curl), copy("Python", requestCode.python)];
      this.title = el("b", "au-call-title");
      this.head = el("div", "au-panel-head", this.title, this.switcher, el("span", "au-copies", ...this.copies));
      this.lines = el("div", "au-call-lines");
      this.list = el("ol", "au-messages");
      this.parameters = el("dl", "au-parameters");
      this.status = el("p", "au-note");
      this.answer = pre("The answer as text");
      this.raw = pre("Raw chunks of the response");
      this.raw.classList.add("au-raw");
      this.rawTitle = el("h3", "", "Raw chunks");
      this.body = el("div", "", this.head, this.lines, el("h3", "", "Messages"), this.list, el("h3", "", "Parameters"), this.parameters,
        el("h3", "", "Response"), this.status, this.answer, this.rawTitle, this.raw); // prettier-ignore
      this.empty = el("p", "au-empty");
      this.node = el("div", "au-call", this.empty, this.body);
      this.clear();
    }
    clear() {
      this.step = this.request = this.picked = this.drawn = this.found = null;
      this.body.hidden = true;
      this.empty.hidden = false;
      setText(this.empty, "What is sent to the model appears here, message by message.");
    }
    code(make) {
      return make(requests.bodyOf(this.request, this.start?.model ?? ""), this.start?.server ?? null);
    }
    update(run) {
      const { step, calls, start, title } = stepOf(run, this.inspector);
      if (step !== this.step) [this.step, this.picked] = [step, null];
      const sent = step?.requests ?? [];
      this.body.hidden = !sent.length;
      this.empty.hidden = Boolean(sent.length);
      if (!sent.length) return setText(this.empty, step?.end ? "No request of this step is in the records." : "Nothing has been sent yet.");
      const at = this.picked ?? sent.length - 1;
      Object.assign(this, { request: sent[at], start });
      this.drawSwitcher(step, at);
      setText(this.title, title);
      if (this.request !== this.drawn) this.drawRequest();
      this.drawLines(retryOf(step, at)?.usage ?? (at === sent.length - 1 ? step.usage : null));
      this.drawResponse(run, step, at, calls);
    }
    drawSwitcher(step, at) {
      const names = step.requests.map((_, index) => nameOf(step, index));
      this.switcher.hidden = names.length < 2;
      const key = names.join("\n");
      if (key !== this.names) {
        this.names = key;
        this.switcher.replaceChildren(...names.map((name, index) => Object.assign(el("option", "", name), { value: String(index) })));
      }
      if (this.switcher.value !== String(at)) this.switcher.value = String(at);
    }
    drawRequest() {
      this.drawn = this.request;
      this.list.replaceChildren(...messageNodes(requests.changesOf(this.request)));
      this.list.start = requests.missingOf(this.request) + 1;
      const rows = requests.parametersOf(this.request);
      this.parameters.replaceChildren(...(rows.length ? rows.map(parameterNode) : [el("p", "au-note", "None.")]));
    }
    drawLines(usage) {
      const lost = requests.lostOf(this.request);
      const notes = [changeText(this.request), requests.onWire(this.request) ? cacheText(usage) : "", lost.length ? `Not in the records, and so not in what is copied: ${lost.join(", ")}.` : ""];
      const key = notes.join("\n");
      if (key === this.said) return;
      this.said = key;
      this.lines.replaceChildren(...notes.filter(Boolean).map((note) => el("p", "", note)));
    }
    drawResponse(run, step, at, calls) {
      const last = at === step.requests.length - 1;
      const retry = retryOf(step, at);
      const text = retry ? retry.partial : last ? [step.thought, step.code].map(String).filter(Boolean).join("\n\n") : "";
      this.answer.hidden = !text;
      setText(this.answer, text);
      const over = Boolean(step.end || retry || !last);
      const response = this.responseOf(run, calls, over);
      setText(this.status, this.statusText({ step, retry, response, over, last }));
      this.raw.hidden = this.rawTitle.hidden = !response?.raw;
      if (!response?.raw || response === this.rawOf) return;
      this.rawOf = response;
      setText(this.raw, response.raw);
      const left = response.left_out ? ` (${count(response.left_out)} bytes in the middle left out)` : "";
      setText(this.rawTitle, `Raw chunks${left}`);
    }
    /* Raw responses are not sent to a page that is loaded later until somebody looks for one. */
    responseOf(run, calls, over) {
      const { request } = this;
      if (request.response || !over || !requests.onWire(request)) return request.response;
      if (this.found?.request === request) return this.found.response;
      const response = responseIn(run.records, request, calls);
      const whole = response || run.hole() >= run.view.next;
      if (whole || this.asked === request) this.found = { request, response };
      else this.fetch(run, request);
      return response;
    }
    async fetch(run, request) {
      if (this.fetching) return;
      this.fetching = true;
      await this.inspector.whole(run).catch(() => null);
      this.fetching = false;
      this.asked = request;
      this.inspector.touch();
    }
    statusText({ step, retry, response, over, last }) {
      const failed = retry ? `It failed and was tried again after ${seconds(retry.wait_s)}: ${retry.reason}` : last && step.end?.usage == null ? step.end?.error : "";
      const said = (words) => [words, failed].filter(Boolean).join(" · ");
      if (!requests.onWire(this.request)) return said(over ? "This model answers without a server, so there are no raw chunks." : "The model answers without a server.");
      if (!response) return over ? said(this.fetching ? "Fetching the raw chunks …" : "The raw response is not in the records.") : step.firstDelta == null ? "Waiting for the answer …" : "The answer is arriving …";
      if (response.status == null) return said("No answer began.");
      const chunks = (response.raw.match(/^data:/gm) ?? []).length;
      return said(`HTTP ${response.status}${chunks && !response.left_out ? ` · ${count(chunks)} ${chunks === 1 ? "chunk" : "chunks"}` : ""}`);
    }
  }

  agentui.calls = { stepAt, changeText, cacheText, responseIn };
  (agentui.panels ??= []).push(CallPanel);
})();
