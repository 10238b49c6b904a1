/* The event stream that Gradio's client reads, made to outlast its connections. Gradio takes a lost stream for the end:
   it bars every event and loads the page anew, and with it goes what was typed. Here it reads one body that never ends,
   into which the frames of one connection after another are put. Each connection has a session of its own, because the
   server may notice late that the last one is dead, and then ends all that belongs to its session. */
(() => {
  const agentui = (window.agentui ??= {});
  /* Frames after which a connection has nothing more to say. */
  const LAST = /^data: \{[^{]*"msg":"(close_stream|unexpected_error)"/;
  const UNREACHABLE = [502, 503, 504];

  const newSession = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("");

  class EventStream {
    /* onFrame(): something has come. onBreak(): the connection is lost. onFail(): a request of Gradio's had no answer;
       returns what is said about it. */
    constructor({ onFrame, onBreak, onFail }) {
      Object.assign(this, { onFrame, onBreak, onFail });
      this.fetch = window.fetch.bind(window);
      /* Gradio's own, until there is another one. */
      this.session = this.url = this.sink = this.connection = null;
      window.fetch = (resource, init) => this.route(resource, init);
    }
    route(resource, init) {
      const url = new URL(resource.url ?? resource, location.href);
      if (url.pathname.endsWith("/queue/data")) return this.read(url);
      if (url.pathname.endsWith("/queue/join")) return this.join(resource, init);
      if (/\/run\/[^/]+$/.test(url.pathname)) return this.act(resource, init);
      return this.fetch(resource, init);
    }
    /* The body for Gradio. */
    async read(url) {
      this.url = url;
      const body = new ReadableStream({ start: (sink) => (this.sink = sink) });
      this.connect();
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    }
    /* Asks for the events of one generator. One that could not be asked for is given up: the next session asks anew. */
    async join(resource, init) {
      const { session } = this;
      const asked = session ? { ...init, body: JSON.stringify({ ...JSON.parse(init.body), session_hash: session }) } : init;
      try {
        const response = await this.reach(resource, asked);
        if (this.url && !this.connection && session === this.session) this.connect();
        return response;
      } catch {
        if (session === this.session) this.onBreak();
        return new Promise(() => {});
      }
    }
    /* Any other event. Its failure must not look like the end of the page. */
    async act(resource, init) {
      try {
        return await this.reach(resource, init);
      } catch {
        return Response.json({ error: this.onFail() }, { status: 503 });
      }
    }
    async reach(resource, init) {
      const response = await this.fetch(resource, init);
      if (UNREACHABLE.includes(response.status)) throw new Error(response.statusText);
      return response;
    }
    /* What `press` has Gradio ask for comes in a new session. */
    begin(press) {
      this.drop();
      this.session = newSession();
      press();
    }
    drop() {
      this.connection?.abort();
      this.connection = null;
    }
    async connect() {
      const connection = (this.connection = new AbortController());
      const { signal } = connection;
      const url = new URL(this.url);
      if (this.session) {
        url.searchParams.set("session_hash", this.session);
        this.beat(new URL(`../heartbeat/${this.session}`, url), signal);
      }
      try {
        const response = await this.reach(url, { headers: { accept: "text/event-stream" }, signal });
        await this.pass(response.body.pipeThrough(new TextDecoderStream()).getReader(), connection);
      } catch {
        // A connection that broke ends like one that was closed.
      }
      if (this.connection !== connection) return;
      this.drop();
      this.onBreak();
    }
    /* Passes whole frames on: half of one would spoil the next connection's first. */
    async pass(reader, connection) {
      const encoder = new TextEncoder();
      for (let rest = ""; ; ) {
        const { done, value } = await reader.read();
        if (done || this.connection !== connection) return;
        const frames = (rest + value).split("\n\n");
        rest = frames.pop();
        for (const frame of frames) {
          if (LAST.test(frame)) return;
          this.sink.enqueue(encoder.encode(`${frame}\n\n`));
          this.onFrame();
        }
      }
    }
    /* By its end the server learns that the page has been closed. */
    beat(url, signal) {
      this.fetch(url, { signal })
        .then((response) => response.body.pipeTo(new WritableStream()))
        .catch(() => null);
    }
  }

  agentui.EventStream = EventStream;
})();
