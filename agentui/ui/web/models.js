/* The model's part of the settings: which models the server has, as suggestions, and whether it answers, in words.
   The server is asked when somebody goes to the field, and when the endpoint or its key changes: never while one types. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el } = agentui;
  const PAUSE_MS = 400;

  const field = (id) => document.querySelector(`#${id} :is(input, textarea)`);
  const text = (id) => field(id)?.value.trim() ?? "";
  /* The server as the fields stand. The key goes along only until this server has taken it out of its field. */
  const endpoint = () => ({ preset: document.body.dataset.preset ?? "", base_url: text("base-url"), key: text("api-key") });
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

  class ModelList {
    constructor() {
      this.asked = null;
      this.suggestions = new agentui.Suggestions(field("model-id"), {
        label: "models of this server",
        onOpen: () => this.refresh(),
        onChoose: () => field("model-id").dispatchEvent(new Event("blur")),
      });
    }
    /* Asks soon, once for all changes until then. */
    soon() {
      this.asked = null;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.refresh(), PAUSE_MS);
    }
    async refresh() {
      const asked = endpoint();
      if (this.asked && same(this.asked, asked)) return;
      this.asked = asked;
      this.suggestions.offer([], "Asking the server for its models …");
      try {
        const answer = await agentui.ask("models", asked);
        // Null: something newer was asked, which answers for itself.
        if (!answer || this.asked !== asked) return;
        this.suggestions.offer(answer.models, answer.problem ?? "The server lists no models; the name is sent as typed.");
      } catch (error) {
        if (this.asked === asked) this.suggestions.offer([], error.message);
      }
    }
  }

  class ModelTest {
    constructor(node, onAnswer) {
      Object.assign(this, { node, onAnswer });
      this.button = node.querySelector("button");
      this.result = el("div", "au-test-result");
      this.result.setAttribute("role", "status");
      node.append(this.result);
      this.button.addEventListener("click", () => this.run());
    }
    async run() {
      const asked = { ...endpoint(), model_id: text("model-id") };
      this.asked = asked;
      this.button.disabled = true;
      this.say("busy", "Asking the model for a few words …");
      try {
        const answer = await agentui.ask("test_model", asked);
        if (answer && this.asked === asked) this.say(answer.ok ? "good" : "bad", answer.summary, answer.facts);
        if (answer?.ok) this.onAnswer();
      } catch (error) {
        if (this.asked === asked) this.say("bad", error.message);
      } finally {
        this.button.disabled = false;
      }
    }
    say(state, summary, facts = []) {
      const marks = { good: "✓ ", bad: "✗ ", busy: "" };
      this.result.dataset.state = state;
      const list = facts.length ? el("ul", "", ...facts.map((fact) => el("li", "", fact))) : null;
      this.result.replaceChildren(el("p", "", marks[state] + summary), ...(list ? [list] : []));
    }
    /* What was found out is about another server or key. */
    forget() {
      this.asked = null;
      this.result.replaceChildren();
    }
  }

  agentui.starts.push(() => {
    const list = new ModelList();
    const test = new ModelTest(document.querySelector(".au-test"), () => list.refresh());
    const changed = () => {
      list.soon();
      test.forget();
    };
    for (const id of ["base-url", "api-key"]) field(id).addEventListener("change", changed);
    field("model-id").addEventListener("change", () => test.forget());
    new MutationObserver(changed).observe(document.body, { attributeFilter: ["data-preset"] });
  });
})();
