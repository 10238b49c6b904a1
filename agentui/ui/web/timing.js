/* The Timing panel: how the answers came, for the selected step, else the newest, and for the run as a whole. It needs
   the time of every delta, so it has those fetched that were left out of what this page was sent. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText, seconds, count } = agentui;
  const { TimingFold } = agentui.timing;
  const { Sparkline, Histogram, Shares } = agentui.charts;
  const MOST_STALLS = 50;
  const FACTS = { first: "First delta", pace: "Tokens/s now", mean: "Tokens/s, mean", deltas: "Deltas" };

  /* Output tokens and the seconds they took, of the answers that were not superseded. */
  function produced(view, steps, now) {
    const sum = { tokens: 0, seconds: 0, exact: true };
    for (const step of steps) {
      if (!step.usage) continue;
      const { usage, generating } = view.lastCall(step, now);
      if (generating == null) continue;
      sum.tokens += usage.output_tokens;
      sum.seconds += generating;
      sum.exact &&= usage.source === "reported";
    }
    return sum;
  }

  const rate = (tokens, exact) => `${exact ? "" : "≈"}${count(Math.round(tokens))}`;

  /* A step's numbers and pictures, or the run's. */
  class ScopeView {
    constructor(labels = FACTS) {
      this.title = el("h3", "");
      this.facts = Object.fromEntries(Object.keys(labels).map((name) => [name, el("dd", "")]));
      const rows = Object.entries(labels).map(([name, label]) => el("div", "", el("dt", "", label), this.facts[name]));
      this.parts = [new Sparkline(), new Histogram(), new Shares()];
      this.node = el("section", "au-scope", this.title, el("dl", "au-facts", ...rows), ...this.parts.map((part) => part.node));
    }
    draw({ title, scope, fold, view, steps, first, live, now }) {
      setText(this.title, title);
      const made = produced(view, steps, now);
      // Of a step whose tokens nobody knows yet, four characters are taken for one.
      const ratio = made.tokens && scope.characters ? made.tokens / scope.characters : 0.25;
      const pace = live ? fold.pace(now) : null;
      const texts = {
        first: first == null ? "–" : seconds(first),
        pace: pace == null ? "–" : rate(pace * ratio, false),
        mean: made.seconds > 0.02 && made.tokens ? rate(made.tokens / made.seconds, made.exact) : "–",
        deltas: count(scope.deltas),
      };
      for (const [name, text] of Object.entries(texts)) setText(this.facts[name], text);
      const [line, histogram, shares] = this.parts;
      line.draw(scope.rates, ratio);
      histogram.draw(scope);
      shares.draw(fold.times(scope, now));
    }
  }

  class TimingPanel {
    static id = "timing";
    static title = "Timing";
    constructor(inspector) {
      this.inspector = inspector;
      this.step = new ScopeView();
      this.all = new ScopeView({ ...FACTS, first: "First delta, p50" });
      this.note = el("p", "au-note");
      this.silence = el("p", "au-stall-now");
      this.stalls = el("ul", "au-stalls");
      this.about = el("p", "au-note");
      this.body = el("div", "", this.note, el("div", "au-scopes", this.step.node, this.all.node), this.silence, el("h3", "", "Stalls"), this.about, this.stalls);
      this.empty = el("p", "au-empty", "When the model's words came, and how fast, appears here.");
      this.node = el("div", "au-timing", this.empty, this.body);
      this.clear();
    }
    clear() {
      this.run = this.fold = null;
      this.lost = 0;
      this.listed = "";
      this.stalls.replaceChildren();
      this.body.hidden = true;
      this.empty.hidden = false;
    }
    update(run, now) {
      if (run !== this.run) [this.run, this.fold, this.lost] = [run, new TimingFold(), 0];
      // Somebody looks at an earlier moment.
      if (run.view.next < this.fold.next) this.fold = new TimingFold();
      const { fold } = this;
      const all = fold.advance(run.records, run.view.next, this.lost);
      if (!all) this.fetch(run);
      this.body.hidden = !fold.steps.length;
      this.empty.hidden = !this.body.hidden;
      if (this.body.hidden) return;
      setText(this.note, all ? "" : "Fetching the times of all deltas …");
      this.note.hidden = all;
      const { view } = run;
      const index = Math.min(this.inspector.selected ?? view.steps.length - 1, fold.steps.length - 1);
      const step = view.steps[index];
      const title = step.kind === "planning" ? "Plan" : `Step ${step.number}`;
      const scope = fold.steps[index];
      this.step.draw({ title, scope, fold, view, now, steps: [step], first: scope.first, live: index === fold.steps.length - 1 });
      const first = fold.run.firsts.at(0.5);
      this.all.draw({ title: "Whole run", scope: fold.run, fold, view, now, steps: view.steps, first, live: true });
      this.drawStalls(now);
    }
    async fetch(run) {
      if (this.fetching) return;
      this.fetching = true;
      const upTo = run.view.next;
      await this.inspector.whole(run).catch(() => null);
      this.fetching = false;
      // What nobody has is passed over.
      if (run === this.run) this.lost = upTo;
      this.inspector.touch();
    }
    drawStalls(now) {
      const silent = this.fold.silence(now);
      this.silence.hidden = !(silent > 1);
      setText(this.silence, silent > 1 ? `The answer has been silent for ${Math.floor(silent)} s.` : "");
      const stalls = this.fold.stalls();
      const long = "longer than 1 s and ten times the median gap";
      setText(this.about, stalls.length ? `Gaps in an answer that were ${long}. Pressing one selects its step.` : `None: no gap in an answer was ${long}.`);
      const key = `${stalls.length}/${stalls[0]?.at}/${this.inspector.selected}`;
      if (key === this.listed) return;
      this.listed = key;
      const more = stalls.length - MOST_STALLS;
      const items = stalls.slice(0, MOST_STALLS).map((stall) => el("li", "", this.stallButton(stall)));
      this.stalls.replaceChildren(...items, ...(more > 0 ? [el("li", "au-note", `and ${count(more)} more`)] : []));
    }
    stallButton({ step: index, at, gap }) {
      const step = this.run.view.steps[index];
      const name = step?.kind === "planning" ? "Plan" : `Step ${step?.number ?? index + 1}`;
      const button = el("button", "au-stall", el("b", "", seconds(gap)), ` without a delta · ${name}, at ${seconds(at)}`);
      button.type = "button";
      button.setAttribute("aria-pressed", String(index === this.inspector.selected));
      button.addEventListener("click", () => this.inspector.select(index, { from: "timing" }));
      return button;
    }
  }

  (agentui.panels ??= []).push(TimingPanel);
})();
