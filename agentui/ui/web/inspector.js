/* The run inspector: fed with batches of records, shows steps, usage and the run bar. It knows nothing of the page
   around it, so a saved run in a file is shown by the same code. Work is done once a frame, for what changed. */
(() => {
  const agentui = (window.agentui ??= {});
  const { WatchedRun, RunBar, Timeline, Tabs, el, setText, compactionText, phaseText } = agentui;

  const PANEL_MS = 250;
  /* With more steps a panel is drawn so seldom while records come with every frame, too. */
  const MANY_STEPS = 50;

  class Inspector {
    /* root: an element of its own. status: where the run bar's text goes. refetch({chat, run_id, from_seq, whole})
       resolves to the missing stretch, with every delta if it is to be whole. onState({running, own, runs}) is told of
       changes, onDraw(newest view, now) of every frame, onSelect({run, step, from}) of a step that was selected. */
    constructor({ root, status, refetch = null, onState = () => {}, onDraw = () => {}, onSelect = () => {} }) {
      Object.assign(this, { root, status, refetch, onState, onDraw, onSelect });
      this.chat = this.branch = null;
      /* What the run bar says instead of the run, if anything. */
      this.instead = null;
      this.runs = new Map();
      this.lanes = new Map();
      this.shown = this.selected = null;
      /* A moment of the shown run that is looked at in its place. */
      this.playhead = null;
      /* Called with every frame that was drawn. */
      this.drawers = [];
      this.follow = true;
      this.path = null;
      this.scheduled = false;
      this.build();
    }

    build() {
      const pick = (row) => this.select(row.index, { path: row.path, from: "steps" });
      this.timeline = new Timeline({
        onPress: (row) => {
          row.toggle();
          pick(row);
        },
        onMove: pick,
      });
      this.tabs = new Tabs(this);
      this.tabs.onShow = () => this.touch();
      this.switcher = el("select", "au-runs");
      this.switcher.setAttribute("aria-label", "Run");
      this.switcher.hidden = true;
      this.switcher.addEventListener("change", () => this.choose(this.switcher.value));
      this.empty = el("p", "au-empty", "Steps, their times and their tokens appear here while an agent works.");
      this.phase = el("span", "");
      this.said = el("span", "");
      this.announce = el("div", "au-hidden", this.phase, this.said);
      this.announce.setAttribute("aria-live", "polite");
      const legend = el("span", "au-legend");
      for (const [kind, name] of [["waiting", "model waiting"], ["generating", "generating"], ["running", "running code"], ["person", "waiting for you"]])
        legend.append(el("span", `au-legend-${kind}`, el("i", `au-bar au-${kind}`), name));
      /* Buttons for what is shown, of whoever has one. */
      this.tools = el("span", "au-head-tools");
      const head = el("div", "au-section-head", el("h2", "", "Steps"), legend, this.switcher, this.tools);
      this.root.replaceChildren(
        el("section", "au-part-steps", head, this.empty, this.timeline.node),
        this.tabs.node,
        this.announce,
      );
      this.bar = new RunBar(this.status);
      this.schedule();
    }

    /* What is looked at: the shown run as it is now, or a moment of it. */
    get seen() {
      return this.playhead ?? this.shown;
    }

    /* Looks at a moment of the shown run; `go(playhead)` says at which. */
    lookBack(go) {
      if (!this.shown) return;
      this.playhead ??= new agentui.Playhead(this.shown).fill(() => this.whole(), () => this.touch());
      go(this.playhead);
      this.touch();
    }

    /* Looks at the run as it is now again. */
    goLive() {
      if (!this.playhead) return;
      this.playhead = null;
      this.shown.view.steps.forEach((_, index) => this.shown.dirty.add(index));
      this.touch();
    }

    /* Takes a batch as the server or a file has it. */
    feed(batch) {
      if (batch.chat !== this.chat || batch.branch !== this.branch) this.reset(batch.chat, batch.branch);
      this.line = batch.line ?? null;
      for (const { run_id, name, continued } of (batch.races ?? []).flatMap(({ lanes }) => lanes)) {
        if (continued) this.takeOver(run_id);
        else if (run_id) this.lanes.set(run_id, name);
      }
      for (const part of batch.runs) {
        let run = this.runs.get(part.run_id);
        const added = !run;
        if (added) {
          run = new WatchedRun(part.run_id);
          this.runs.set(part.run_id, run);
          if (!this.lanes.has(part.run_id)) {
            if (this.follow) this.shown = run;
            this.goLive();
          }
        }
        if (!run.take(part)) this.recover(run);
        if (added) this.listRuns();
      }
      this.schedule();
    }

    /* A lane has become a run of the conversation. */
    takeOver(runId) {
      if (!this.lanes.delete(runId)) return;
      this.listRuns();
      this.choose(runId);
    }

    reset(chat, branch) {
      Object.assign(this, { chat, branch });
      this.runs.clear();
      this.lanes.clear();
      this.shown = this.playhead = null;
      this.follow = true;
      this.redraw();
      this.listRuns();
    }

    async recover(run) {
      if (run.waiting || !this.refetch) return;
      run.waiting = true;
      const chat = this.chat;
      try {
        for (;;) {
          const part = await this.refetch({ chat, run_id: run.view.runId, from_seq: run.view.next });
          if (chat !== this.chat || !part || !part.next_seq || part.next_seq <= run.view.next) break;
          run.take(part);
          this.schedule();
        }
      } catch {
        // The next batch shows that something is missing, and it is asked for again.
      } finally {
        run.waiting = false;
      }
    }

    /* The runs of the conversation: all but the lanes of races. */
    get own() {
      return [...this.runs.values()].filter((run) => !this.lanes.has(run.view.runId));
    }

    listRuns() {
      const ids = this.own.map((run) => run.view.runId);
      const options = ids.map((id, index) => {
        const parent = ids.indexOf(this.runs.get(id).view.start?.parent?.run_id);
        const option = el("option", "", `Run ${index + 1} of ${ids.length}${parent < 0 ? "" : ` · from ${parent + 1}`}`);
        if (parent >= 0) option.title = `It goes on from run ${parent + 1}`;
        option.value = id;
        return option;
      });
      for (const [id, name] of this.lanes)
        if (this.runs.has(id)) options.push(Object.assign(el("option", "", `Race: ${name}`), { value: id }));
      this.switcher.replaceChildren(...options);
      this.switcher.hidden = options.length < 2;
      if (this.shown) this.switcher.value = this.shown.view.runId;
    }

    choose(runId) {
      this.follow = runId === this.own.at(-1)?.view.runId;
      this.shown = this.runs.get(runId) ?? null;
      this.playhead = null;
      this.redraw();
      this.schedule();
    }

    redraw() {
      this.timeline.clear();
      this.tabs.clear();
      const had = this.selected != null;
      this.selected = this.path = null;
      if (had) this.onSelect({ run: this.shown, step: null, from: "" });
      this.drawn = this.shown;
      this.shown?.view.steps.forEach((_, index) => this.shown.dirty.add(index));
    }

    /* Another step is selected, by whoever shows steps: everything else that does follows.
       index: in the run's steps; null for none. runId: of another run than the one that is shown. path: the row in the
       tree, if it is one inside the step. from: who selected it and needs not be moved. */
    select(index, { runId = this.shown?.view.runId, path = String(index), from = "" } = {}) {
      if (runId !== this.shown?.view.runId) this.choose(runId);
      this.selected = index;
      this.path = index == null ? null : path;
      if (index != null) this.seen?.dirty.add(index);
      this.timeline.select(this.path, { reveal: from !== "steps" });
      this.onSelect({ run: this.seen, step: this.seen?.view.steps[index] ?? null, from });
      this.touch();
    }

    /* The step before or after the selected one; of none, the last or the first. */
    move(by) {
      const count = this.seen?.view.steps.length ?? 0;
      if (!count) return;
      const from = this.selected ?? (by > 0 ? -1 : count);
      this.select(Math.min(count - 1, Math.max(0, from + by)));
    }

    /* All records of a run, deltas that were left out included. */
    whole(run = this.shown) {
      const ask = (from_seq) => this.refetch?.({ chat: this.chat, run_id: run.view.runId, from_seq, whole: true });
      return run.whole(ask);
    }

    /* Tells those who hear the page what has just been done. */
    say(text) {
      this.said.replaceChildren(text);
    }

    /* The shown panel is drawn anew with the next frame. */
    touch() {
      this.tabsAt = null;
      this.schedule();
    }

    schedule() {
      if (this.scheduled) return;
      this.scheduled = true;
      requestAnimationFrame(() => {
        this.scheduled = false;
        this.draw();
      });
    }

    draw() {
      if (this.drawn !== this.shown) this.redraw();
      this.drawMoment();
      const run = this.seen;
      const latest = this.own.at(-1);
      this.empty.hidden = Boolean(run);
      this.timeline.node.hidden = !run;
      if (run) this.drawRun(run);
      this.drawBar(latest);
      for (const draw of this.drawers) draw();
      if ([latest, this.shown].some((one) => one && !one.view.end) || this.playhead?.playing) this.schedule();
    }

    /* The clock of the moment goes on, up to now; what it has not come to cannot be selected. */
    drawMoment() {
      this.playhead?.tick(performance.now() / 1000);
      if (this.playhead?.caughtUp) this.goLive();
      const count = this.seen?.view.steps.length ?? 0;
      if (this.selected != null && this.selected >= count) this.select(count ? count - 1 : null);
    }

    drawRun(run) {
      const now = run.now();
      const last = run.view.steps.length - 1;
      this.timeline.cut(last + 1);
      const touched = run.dirty.size > 0 || this.tabsAt == null;
      if (!run.view.end && last >= 0 && !run.view.step.end) run.dirty.add(last);
      // A moment stands on the axis of the whole run.
      this.timeline.scale(this.shown.now());
      for (const index of run.dirty) {
        const step = run.view.steps[index];
        const notes = run.view.compactions.filter((event) => event.before === index).map(compactionText);
        this.timeline.row(index).update(step, now, notes);
      }
      if (this.path && !this.timeline.current) this.timeline.select(this.path);
      run.dirty.clear();
      // Rates move with the clock, but nobody reads ten of them a second.
      const age = performance.now() - (this.tabsAt ?? -Infinity);
      const large = !run.view.end && run.view.steps.length > MANY_STEPS;
      if ((touched && !large) || age > PANEL_MS) {
        this.tabsAt = performance.now();
        this.tabs.update(run, now);
      }
    }

    drawBar(latest) {
      const view = latest?.view;
      const now = latest ? latest.now() : 0;
      this.bar.draw(view, now, this.runs);
      this.onDraw(view, now);
      const instead = this.instead ?? (this.line && agentui.lineText(this.line));
      if (instead) this.bar.wait(instead);
      const spoken = view?.phase === "retrying" && !view.end ? "The model is asked again" : phaseText(view, now);
      setText(this.phase, instead || (view ? spoken : ""));
      const [running, own] = [[...this.runs.values()].some((run) => !run.view.end), Boolean(view && !view.end)];
      const runs = this.own.length;
      const key = `${running}/${own}/${runs}/${this.chat}/${JSON.stringify(this.line)}`;
      if (key !== this.told) {
        this.told = key;
        this.onState({ running, own, runs, line: this.line });
      }
    }
  }

  agentui.Inspector = Inspector;
})();
