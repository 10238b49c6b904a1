/* Races on the page: the button beside Send, the view in the place of the conversation, and the way back to it. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el } = agentui;
  const FIELDS = {
    base_url: "base-url",
    model_id: "model-id",
    max_steps: "max-steps",
    max_seconds: "max-seconds",
    max_tokens: "max-tokens",
    max_cost_usd: "max-cost",
    step_seconds: "step-seconds",
    instructions: "instructions",
  };
  const field = (id) => document.querySelector(`#${id} :is(input, textarea)`);
  const artifactUrl = (id) => `gradio_api/agentui/artifacts/${id}`;

  /* The settings panel as it stands; a key stays where it is. */
  function settings() {
    const typed = Object.entries(FIELDS).map(([name, id]) => [name, field(id)?.value ?? ""]);
    return { preset: document.body.dataset.preset, ...Object.fromEntries(typed) };
  }

  function setComposer(text) {
    const task = field("task-input");
    task.value = text;
    task.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function makeOpener() {
    const opener = el("button", "au-race-open", "Race");
    opener.type = "button";
    opener.title = "The same task with two or three models at once";
    opener.disabled = true; // until the chat is known
    opener.setAttribute("aria-haspopup", "dialog");
    return opener;
  }

  /* inspector: holds the runs. chat: the conversation. Returns what takes each batch. */
  agentui.startRaces = ({ inspector, chat, composer, send }) => {
    const { body } = document;
    const opener = makeOpener();
    const running = () => [...inspector.runs.values()].some((run) => !run.view.end);
    /* The inspector stands beside the lanes while it shows one of them; its button again puts it away. */
    const setInspected = (run_id) => {
      if (run_id) body.dataset.inspect = run_id;
      else delete body.dataset.inspect;
      body.dataset.sheet = run_id ? "open" : "closed";
      for (const button of races.node.querySelectorAll("[aria-pressed]"))
        button.setAttribute("aria-pressed", String(button.dataset.run === run_id));
    };
    const inspect = (run_id) => {
      if (body.dataset.inspect === run_id) return setInspected(null);
      inspector.choose(run_id);
      setInspected(run_id);
    };
    const onShow = (race) => {
      body.dataset.view = race ? "race" : "chat";
      setInspected(null);
      if (!race) inspector.choose(inspector.own.at(-1)?.view.runId);
      (race ? races.back : opener).focus({ preventScroll: true });
    };
    const races = new agentui.Races({
      runs: inspector.runs,
      ask: agentui.ask,
      inspect,
      artifactUrl,
      free: () => !inspector.own.length && !running(),
      onShow,
      onAgain: ({ task }) => setup.open(task),
    });
    const setup = new agentui.RaceSetup({
      offers: agentui.offers,
      examples: agentui.examples ?? [],
      settings,
      start: async (request) => {
        const begun = await agentui.ask("race", request);
        if (field("task-input").value.trim() === request.task.trim()) setComposer("");
        races.expect(begun.id);
      },
    });
    opener.addEventListener("click", () => setup.open(field("task-input").value.trim()));
    body.dataset.view = "chat";
    chat.before(races.node);
    composer.before(races.chips);
    send.before(opener);
    return (batch) => {
      races.take(batch.races ?? []);
      setup.wait(batch.line ? agentui.lineText(batch.line) : "");
      opener.disabled = running() || Boolean(batch.line);
    };
  };
})();
