/* The settings besides the model: folded parts, what is wrong with a field said under it, and a reload that keeps all.
   The server keeps them when a field is left, and says which cannot be used. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText } = agentui;
  const TEXTS = ["instructions", "system-prompt", "imports"];

  const byId = (id) => document.getElementById(id);
  const input = (id) => byId(id)?.querySelector("input, textarea");
  const limits = () => [...document.querySelectorAll("#limits .block[id]")].map((block) => block.id);
  const boxes = () => [...document.querySelectorAll("#tools input[type=checkbox]")];

  function values() {
    const off = boxes().filter((box) => !box.checked);
    const texts = [...limits(), ...TEXTS].map((id) => [id, input(id)?.value ?? ""]);
    return { ...Object.fromEntries(texts), "tools-off": off.map((box) => box.name).join(",") };
  }

  /* A line under a field, which the field is described by. */
  function showProblem(id, line) {
    const field = input(id);
    if (!field) return;
    let node = byId(`${id}-problem`);
    if (!node && line) {
      node = el("p", "au-problem");
      node.id = `${id}-problem`;
      // Limits are narrow: their lines stand below all of them.
      const limit = byId("limits").contains(field);
      limit ? byId("limits").append(node) : byId(id).append(node);
    }
    if (node) setText(node, line ?? "");
    if (line) fold(id, true);
    for (const [name, value] of [["aria-invalid", "true"], ["aria-describedby", node?.id]])
      if (line) field.setAttribute(name, value);
      else field.removeAttribute(name);
  }

  /* Keeps `changed`, and shows what is wrong with what is kept now. */
  async function keep(changed = values()) {
    let problems = {};
    try {
      problems = (await agentui.ask("settings", changed)) ?? {};
    } catch (error) {
      problems = { instructions: error.message };
    }
    for (const id of [...limits(), ...TEXTS]) showProblem(id, problems[id]);
    facts();
  }

  const foldOf = (id) => document.querySelector(`[data-fold="${id}"]`);
  function fold(id, open) {
    foldOf(id)?.setAttribute("aria-expanded", String(open));
    byId(id)?.classList.toggle("au-folded", foldOf(id) != null && !open);
    facts();
  }

  /* What a folded part would show, in a word. */
  function facts() {
    const all = boxes();
    const on = all.filter((box) => box.checked).length;
    const standard = byId("restore-prompt");
    const changed = input("system-prompt").value !== standard.dataset.default;
    const open = foldOf("system-prompt")?.getAttribute("aria-expanded") === "true";
    standard.hidden = !(changed && open);
    const modules = input("imports").value.split(/[\s,]+/).filter(Boolean).length;
    const said = {
      tools: on === all.length ? `all ${all.length} on` : `${on} of ${all.length} on`,
      "system-prompt": changed ? "changed" : "",
      imports: modules ? `${modules} more` : "",
    };
    for (const [id, fact] of Object.entries(said)) {
      const node = foldOf(id)?.querySelector(".au-fold-fact");
      if (node) setText(node, fact);
    }
  }

  agentui.starts.push(() => {
    for (const button of document.querySelectorAll("[data-fold]")) {
      const { fold: id } = button.dataset;
      fold(id, false);
      button.addEventListener("click", () => fold(id, button.getAttribute("aria-expanded") !== "true"));
    }
    const panel = byId("settings");
    const ours = (node) => node.closest("#limits, #instructions, #system-prompt, #imports, #tools");
    panel.addEventListener("change", (event) => ours(event.target) && keep());
    panel.addEventListener("input", (event) => ours(event.target) && facts());
    byId("restore-prompt").addEventListener("click", () => {
      agentui.typeInto(input("system-prompt"), byId("restore-prompt").dataset.default);
      input("system-prompt").focus();
      keep();
    });
    // By the time of the answer a reload has brought back what was kept, which comes without an event.
    keep({});
  });
})();
