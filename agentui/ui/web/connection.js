/* Whether the server can be reached. When the stream of records breaks, the run bar says so, it is tried again, and the
   page attaches to what goes on behind the last record that it has. Nothing is asked of the server meanwhile: a task
   stays in its field. A server that no longer has the chat, because it was started anew for one, is not asked again. */
(() => {
  const agentui = (window.agentui ??= {});
  const LOST = "Connection lost, trying again";
  const GONE = "The server no longer has this chat: reload the page";
  const NOT_DONE = "The connection is lost, so this was not done. What you typed is still there: try again in a moment.";
  const NO_ANSWER = "The connection was lost before the server answered: see whether this was done, then try again.";
  const ASKING = "#send, #stop, #new-chat, .au-chip, #go-on, #follow-up";
  const LONGEST_WAIT_MS = 15_000;
  const ATTEMPT_MS = 10_000;
  const LOOK_MS = 5_000;
  const byId = (id) => document.getElementById(id);

  class Connection {
    constructor() {
      /* "on", "lost" or "gone". */
      this.state = "on";
      this.trying = false;
      /* The server says something twice as often. A clock that goes on while the machine sleeps. */
      this.silenceMs = 30_000;
      this.heard = Date.now();
      this.came = this.wake = () => {};
      this.stream = new agentui.EventStream({
        onFrame: () => this.hear(),
        onBreak: () => (this.trying ? this.came(false) : this.lose()),
        onFail: () => this.failed(),
      });
      this.listen();
    }

    listen() {
      for (const name of ["online", "pageshow"]) window.addEventListener(name, () => this.look());
      document.addEventListener("visibilitychange", () => document.hidden || this.look());
      window.addEventListener("offline", () => this.doubt());
      setInterval(() => this.trying || this.look(), LOOK_MS);
      // Before anybody else hears of it.
      window.addEventListener("click", (event) => event.target.closest?.(ASKING) && this.refuse(event), true);
      window.addEventListener("keydown", (event) => this.takeKey(event), true);
    }

    hear() {
      this.heard = Date.now();
      this.came(true);
    }

    /* Something happened after which the server may be reachable again, or may long be gone. */
    look() {
      if (this.trying) this.wake();
      else if (Date.now() - this.heard > this.silenceMs) this.lose();
    }

    /* Something failed, perhaps because of the connection. */
    doubt() {
      if (!this.trying) this.sameServer().then((same) => same || this.lose(), () => this.lose());
    }

    /* A request was not answered; returns what is to be said about it. */
    fail() {
      this.doubt();
      return this.problem || NO_ANSWER;
    }

    /* One of Gradio's was not. Those of a page that is known to be cut off come from leaving a field: nothing is lost. */
    failed() {
      const said = this.fail();
      if (this.state === "on") this.tell(said);
      byId("stop").textContent = "Stop";
      return said;
    }

    /* Why nothing can be asked of the server; "" if it can. */
    get problem() {
      return { on: "", lost: NOT_DONE, gone: `${GONE}.` }[this.state];
    }

    tell(text) {
      this.told?.remove();
      this.told = text ? agentui.notice(text) : null;
    }

    takeKey(event) {
      const sends = event.key === "Enter" && !event.shiftKey && !event.isComposing;
      if (sends && event.target.matches?.("#task-input textarea")) this.refuse(event);
    }

    refuse(event) {
      if (this.state === "on") return;
      event.preventDefault();
      event.stopImmediatePropagation();
      this.tell(this.problem);
    }

    async lose() {
      if (this.trying || this.state === "gone") return;
      this.trying = true;
      this.stream.drop();
      for (let tries = 0; !(await this.attach()); tries++) {
        this.turn("lost");
        await this.pause(tries);
      }
      this.trying = false;
    }

    /* Not all pages come back at the same moment. */
    async pause(tries) {
      const wait = Math.min(LONGEST_WAIT_MS, 1000 * 2 ** tries) * (0.5 + Math.random() / 2);
      await new Promise((resolve) => {
        this.wake = resolve;
        setTimeout(resolve, wait);
      });
    }

    /* Whether there is nothing more to try. */
    async attach() {
      try {
        const known = (await this.sameServer()) && (await this.hasChat());
        if (known && !(await this.begin())) return false;
        this.turn(known ? "on" : "gone");
        return true;
      } catch {
        return false;
      }
    }

    async sameServer() {
      const { root, api_prefix = "", app_id } = window.gradio_config;
      const response = await fetch(`${root}${api_prefix}/app_id`, { cache: "no-store", signal: AbortSignal.timeout(ATTEMPT_MS) });
      if (!response.ok) throw new Error(response.statusText);
      return (await response.json()).app_id === app_id;
    }

    /* A page that shows no run has nothing to lose: it shows what there is. */
    async hasChat() {
      const run = agentui.inspector?.own.at(-1);
      if (!run) return true;
      const { chat } = agentui.inspector;
      const answer = await within(agentui.server.act({ chat, verb: "records", run_id: run.view.runId, from_seq: run.view.next }));
      if (!answer) throw new Error(NO_ANSWER);
      return Boolean(answer.answer);
    }

    /* Resolves to whether something came. */
    async begin() {
      const came = new Promise((resolve) => (this.came = resolve));
      this.stream.begin(() => byId("attach").click());
      return within(came);
    }

    turn(state) {
      this.heard = Date.now();
      if (state === this.state) return;
      this.state = document.body.dataset.connection = state;
      const { inspector } = agentui;
      this.tell("");
      if (!inspector) return;
      inspector.instead = { on: null, lost: LOST, gone: GONE }[state];
      inspector.say(state === "on" ? "Connected again" : "");
      inspector.schedule();
    }
  }

  const within = (promise) =>
    Promise.race([promise, new Promise((_, reject) => setTimeout(() => reject(new Error(NO_ANSWER)), ATTEMPT_MS))]);

  /* What the page has already, for the server. */
  agentui.known = () => {
    const { chat, branch, runs } = agentui.inspector ?? {};
    if (!chat) return [""];
    return [JSON.stringify({ chat, branch, runs: Object.fromEntries([...runs].map(([id, run]) => [id, run.view.next])) })];
  };
  agentui.connection = new Connection();
})();
