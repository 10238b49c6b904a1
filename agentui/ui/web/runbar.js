/* The run bar: what happens now, and what it has used: context now, billed so far, cost, and a meter for every cap.
   Caps are for a task as a whole, so what earlier parts of it used counts in the meters. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText, count, short, seconds, tokens, dollars, phaseText, stopProof } = agentui;
  const MANY = 100_000;
  const amount = (n) => (n < MANY ? count(n) : short(n));

  /* A number of the bar; with a cap also a meter under it. */
  class Item {
    constructor(name, label, title) {
      this.value = el("span", "au-value");
      this.cap = el("span", "au-cap");
      this.node = el("span", `au-item au-item-${name}`, label ? el("span", "au-name", `${label} `) : null, this.value, this.cap);
      this.label = label || name;
      this.node.title = title;
      this.node.hidden = true;
    }
    show(text, part = null, cap = "", spoken = "") {
      this.node.hidden = !text;
      setText(this.value, text);
      setText(this.cap, cap);
      const metered = part != null;
      this.node.classList.toggle("au-meter", metered);
      if (metered !== this.node.hasAttribute("role")) {
        if (metered) this.node.setAttribute("role", "meter");
        else for (const name of ["role", "aria-valuenow", "aria-valuemin", "aria-valuemax", "aria-valuetext", "aria-label"]) this.node.removeAttribute(name);
      }
      if (!metered) return;
      const share = Math.round(Math.min(1, Math.max(0, part)) * 100);
      if (this.share === share && this.spoken === spoken) return;
      Object.assign(this, { share, spoken });
      this.node.style.setProperty("--part", share / 100);
      this.node.dataset.level = share >= 100 ? "full" : share >= 80 ? "high" : "fine";
      const values = { label: this.label, valuemin: 0, valuemax: 100, valuenow: share, valuetext: spoken || `${text}${cap}` };
      for (const [name, value] of Object.entries(values)) this.node.setAttribute(`aria-${name}`, value);
    }
  }

  /* What the parts of a task before `view` used. */
  function usedBefore(view, runs) {
    const used = { tokens: 0, usd: 0, seconds: 0, steps: 0, exact: true, priced: true };
    let parent = view.start?.parent;
    while (parent?.relation === "resumed") {
      const before = runs.get(parent.run_id)?.view;
      if (!before) break;
      used.tokens += before.usage?.total_tokens ?? 0;
      used.usd += before.cost?.usd ?? 0;
      if (before.usage?.total_tokens) {
        used.exact &&= before.usage.source === "reported";
        used.priced &&= Boolean(before.cost);
      }
      used.seconds += before.end?.duration_s ?? before.t;
      // A step that was cut short is done again and counts once.
      used.steps += before.steps.filter((step) => step.kind === "action" && step.end && !agentui.wasCut(step)).length;
      parent = before.start?.parent;
    }
    return used;
  }

  class RunBar {
    constructor(status) {
      this.status = status;
      this.dot = el("i", "au-dot");
      this.phase = el("b", "au-phase");
      this.items = {
        proof: new Item("proof", "", "How the stop was carried out"),
        model: new Item("model", "", "Model"),
        step: new Item("step", "", "Steps, and how many there may be"),
        time: new Item("time", "", "Seconds, and how many there may be"),
        context: new Item("context", "context", ""),
        billed: new Item("billed", "billed", ""),
        cost: new Item("cost", "", "Cost so far in US dollars"),
      };
      // The spaces are for whoever reads the bar as one text.
      status.replaceChildren(this.dot, this.phase, ...Object.values(this.items).flatMap((item) => [" ", item.node]));
    }

    draw(view, now, runs) {
      setText(this.phase, phaseText(view, now));
      const state = !view ? "idle" : view.end ? view.end.status : "running";
      if (this.status.dataset.state !== state) this.status.dataset.state = state;
      if (!view) return Object.values(this.items).forEach((item) => item.show(""));
      const limits = view.start?.limits ?? {};
      const used = usedBefore(view, runs);
      const { proof, model } = this.items;
      proof.show(view.end ? stopProof(view) : "");
      const name = view.start?.model ?? "";
      model.show(name === "demo" ? "demo (scripted)" : name);
      this.drawSteps(view, used, limits.max_steps);
      this.drawTime(view, now + used.seconds, limits.max_seconds);
      this.drawContext(view);
      this.drawBilled(view, used, limits.max_tokens);
      this.drawCost(view, used, limits.max_cost_usd);
    }

    /* Instead of a run: one that has not begun. */
    wait(text) {
      setText(this.phase, text);
      if (this.status.dataset.state !== "waiting") this.status.dataset.state = "waiting";
      for (const item of Object.values(this.items)) item.show("");
    }

    drawSteps(view, used, cap) {
      const number = view.actions + used.steps - (view.step && agentui.notBegun(view.step) ? 1 : 0);
      if (!number) return this.items.step.show("");
      if (cap == null) return this.items.step.show(view.end ? `${number} ${number === 1 ? "step" : "steps"}` : `step ${number}`);
      this.items.step.show(`step ${number}`, number / cap, `/${count(cap)}`);
    }

    drawTime(view, now, cap) {
      const text = seconds(Math.max(0.1, Math.floor(now * 10) / 10));
      // Read aloud in whole seconds, or a screen reader would never stop.
      this.items.time.show(text, cap == null ? null : now / cap, cap == null ? "" : ` / ${seconds(cap).replace(".0 s", " s")}`, `${Math.floor(now)} s`);
    }

    drawContext(view) {
      const { context } = this.items;
      const call = view.context;
      if (!call) return context.show("");
      const size = view.contextWindow;
      const exact = tokens(call.total_tokens, call.source);
      context.node.title = `Context now: ${exact} tokens in the newest call${size ? `, of ${count(size)} that the model can read` : ""}`;
      const text = `${call.source === "reported" ? "" : "≈"}${short(call.total_tokens)}`;
      context.show(text, size ? call.total_tokens / size : null, size ? ` / ${short(size)}` : "");
    }

    drawBilled(view, used, cap) {
      const { billed } = this.items;
      const sum = view.usage;
      if (!sum) return billed.show("");
      const all = sum.total_tokens + used.tokens;
      const parts = `in ${tokens(sum.input_tokens, sum.source)}, out ${tokens(sum.output_tokens, sum.source)}`;
      billed.node.title = `Billed so far, all calls together: ${parts}${used.tokens ? `, and ${count(used.tokens)} in the parts of this task before` : ""}`;
      const text = `${sum.source === "reported" && used.exact ? "" : "≈"}${amount(all)}`;
      billed.show(cap == null ? `${text} tokens` : text, cap == null ? null : all / cap, cap == null ? "" : ` / ${amount(cap)}`);
    }

    drawCost(view, used, cap) {
      const { cost } = this.items;
      if (!view.usage) return cost.show("");
      if (view.start?.parent?.relation === "rerun" && !view.usage.total_tokens) return cost.show("nothing paid");
      const sum = view.cost;
      cost.node.title = sum ? `Cost so far. Price: ${sum.source}` : "The price of this model is unknown";
      if (!sum || !used.priced) return cost.show("cost unknown");
      const all = sum.usd + used.usd;
      const text = `${view.usage.source === "reported" && used.exact ? "" : "≈"}${dollars(all)}`;
      cost.show(text, cap == null ? null : all / cap, cap == null ? "" : ` / ${dollars(cap)}`);
    }
  }

  Object.assign(agentui, { RunBar, usedBefore });
})();
