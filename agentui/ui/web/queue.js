/* What is said to the agent while it works. Enter puts it in line, above the composer; the agent reads it with its next
   request, or at once when that is asked for. The server holds the line, so it is the same in every tab. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText } = agentui;
  const SHOWN = 200;

  class Queue {
    constructor(inspector, composer, send) {
      Object.assign(this, { inspector, composer, send });
      this.input = composer.querySelector("textarea");
      this.list = el("ul", "au-queue");
      this.list.setAttribute("aria-label", "Messages that wait");
      this.problem = el("p", "au-problem");
      this.problem.setAttribute("role", "alert");
      composer.before(this.list, this.problem);
      this.shown = "";
      this.draw([]);
      // Before Gradio hears of it: a task cannot be sent while another one is done.
      composer.addEventListener("keydown", (event) => this.takeKey(event), true);
      composer.addEventListener("click", (event) => send.contains(event.target) && this.takeSend(event), true);
      /* A change of a setting that the server has not heard of yet; resolves to whether it has. */
      this.settling = null;
    }
    /* The run of the conversation that goes on, if there is one. */
    get going() {
      const run = this.inspector.own.at(-1);
      return run && !run.view.end ? run.view.runId : null;
    }
    takeKey(event) {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.target !== this.input) return;
      this.takeSend(event, event.ctrlKey || event.metaKey);
    }
    takeSend(event, now = false) {
      if (this.going) return this.take(event, now);
      if (!this.settling) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      this.send.click(); // and buttons wait
    }
    take(event, now = false) {
      event.preventDefault();
      event.stopImmediatePropagation();
      const text = this.input.value;
      if (!text.trim()) return;
      agentui.typeInto(this.input, "");
      this.act(agentui.ask("say", { run_id: this.going, text, now }), () => this.giveBack(text));
    }
    /* Puts a text back where it was typed, before what has been typed since. */
    giveBack(text) {
      const typed = this.input.value;
      agentui.typeInto(this.input, typed.trim() ? `${text}\n${typed}` : text);
    }
    /* What the server refuses is said; `undo` gives back what was typed. */
    async act(asked, undo = () => {}) {
      setText(this.problem, "");
      try {
        return await asked;
      } catch (error) {
        setText(this.problem, error.message);
        undo();
        return null;
      }
    }
    takeBack({ run_id, id }) {
      return this.act(agentui.ask("take_back", { run_id, message_id: id }));
    }
    async reuse(message, { send }) {
      if (send && this.input.value.trim()) return setText(this.problem, "Something else is typed already: send or clear that first.");
      const text = await this.takeBack(message);
      if (text == null) return;
      const typed = this.input.value.trim();
      this.giveBack(text);
      this.input.focus();
      if (!send || typed) return; // what was typed meanwhile is no part of it
      // Gradio takes the new text over before its button is pressed.
      requestAnimationFrame(() => this.send.click());
    }
    feed({ queue = [] } = {}) {
      const key = JSON.stringify(queue);
      if (key === this.shown) return;
      this.shown = key;
      this.draw(queue);
    }
    draw(queue) {
      const held = this.list.contains(document.activeElement);
      this.list.hidden = !queue.length;
      this.list.replaceChildren(...queue.map((message) => this.chip(message)));
      if (held) this.input.focus();
    }
    chip(message) {
      const { text, over, run_id } = message;
      const short = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
      const act = (label, onClick) => {
        const node = el("button", "au-link", label);
        node.type = "button";
        node.setAttribute("aria-label", `${label}: ${short}`);
        node.addEventListener("click", onClick);
        return node;
      };
      const now = over
        ? act("Send as a task", () => this.reuse(message, { send: true }))
        : act("Send now", () => this.act(agentui.ask("hurry", { run_id })));
      const said = el("span", "au-queued-text", el("b", "", over ? "Not read: " : "Queued: "), short);
      return el("li", "au-queued", said, el("span", "au-queued-acts", now, act("Edit", () => this.reuse(message, { send: false })), act("Remove", () => this.takeBack(message))));
    }
  }

  /* The switch in the settings, which all tabs share. Nothing is sent before the server knows of a change. */
  function startAsking(queue) {
    const box = document.getElementById("au-ask-first");
    let known = box.checked;
    const show = (asks) => {
      known = Boolean(asks);
      if (!queue.settling) box.checked = known;
    };
    const tell = async (before) => {
      await before;
      const on = box.checked;
      try {
        await agentui.ask("ask_first", { on });
        known = on;
        return true;
      } catch (error) {
        agentui.notice(error.message);
        return false;
      }
    };
    box.addEventListener("change", () => {
      const told = (queue.settling = tell(queue.settling));
      told.then(() => {
        if (queue.settling !== told) return; // it was changed once more
        queue.settling = null;
        box.checked = known;
      });
    });
    // An example, "Go on" and the other ways to begin a run are buttons all over the page; Stop is never held up.
    const hold = (event) => {
      const button = event.target.closest?.("button");
      if (!queue.settling || !button || button.closest("#run-bar")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      queue.settling.then((heard) => heard && button.click());
    };
    document.addEventListener("click", hold, true);
    return show;
  }

  /* Resolves to what takes the steering part of a batch. */
  agentui.startSteering = (inspector, composer, send) => {
    const queue = new Queue(inspector, composer, send);
    const showAsking = startAsking(queue);
    return ({ steering }) => {
      queue.feed(steering);
      showAsking(steering?.asks);
    };
  };
})();
