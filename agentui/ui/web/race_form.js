/* The fields of one lane of a race that is set up. A key belongs to one base URL: it is cleared when that changes. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText } = agentui;
  const DEMO = "demo";
  const KEYLESS = new Set([DEMO, "agent"]);
  const PACES = [["fast", "Fast"], ["", "As usual"], ["slow", "Slow"]];
  const LIMITS = { max_steps: "Steps", max_seconds: "Seconds", max_tokens: "Tokens", max_cost_usd: "US dollars", step_seconds: "Seconds a step" };
  let unique = 0;

  const labelled = (text, control) => el("label", "au-race-field", el("span", "", text), control);
  const input = (value, options = {}) => Object.assign(el("input", ""), { value, autocomplete: "off", spellcheck: false, ...options });
  function select(entries, value) {
    const node = el("select", "", ...entries.map(([name, title]) => Object.assign(el("option", "", title), { value: name })));
    node.value = value;
    return node;
  }

  class LaneForm {
    /* choices: fields of Choices as text. offers: {preset: [base URL, model id, title, model ids]}. */
    constructor(choices, offers, onRemove) {
      this.offers = offers;
      const known = choices.preset in offers ? choices.preset : Object.keys(offers)[0];
      this.preset = select(Object.entries(offers).map(([name, [, , title]]) => [name, title ?? name]), known);
      this.pace = select(PACES, known === DEMO ? choices.model_id : "");
      this.list = el("datalist", "");
      this.list.id = `au-race-models-${++unique}`;
      this.model_id = input(choices.model_id, { placeholder: "as the server knows it" });
      this.model_id.setAttribute("list", this.list.id);
      this.base_url = input(choices.base_url, { placeholder: "https://… /v1" });
      this.key = input("", { type: "password", placeholder: "if the server wants one" });
      this.limits = Object.fromEntries(Object.keys(LIMITS).map((name) => [name, input(choices[name] ?? "", { placeholder: "as served", inputMode: "decimal" })]));
      this.temperature = input(choices.temperature ?? "", { placeholder: "the server's own", inputMode: "decimal" });
      this.kind = select(Object.entries(agentui.kinds ?? {}), choices.agent_kind || "code");
      this.instructions = Object.assign(el("textarea", ""), { value: choices.instructions ?? "", rows: 2, placeholder: "Added to the end of the system prompt" });
      this.remove = Object.assign(el("button", "au-icon", "✕"), { type: "button" });
      this.remove.addEventListener("click", () => onRemove(this));
      this.legend = el("legend", "");
      this.node = el("fieldset", "au-race-form", this.legend, this.remove, ...this.fields());
      this.preset.addEventListener("change", () => this.choose());
      this.base_url.addEventListener("input", () => (this.key.value = ""));
      this.adapt();
    }
    fields() {
      this.kindPart = labelled("Agent", this.kind);
      this.temperaturePart = labelled("Temperature", this.temperature);
      const limits = Object.entries(LIMITS).map(([name, text]) => labelled(text, this.limits[name]));
      this.pacePart = labelled("Pace", this.pace);
      this.serverParts = [labelled("Model id", this.model_id), labelled("Base URL", this.base_url), labelled("Key", this.key)];
      this.more = el("details", "au-race-more", el("summary", "", "Agent, limits, instructions"), el("div", "au-race-limits", this.kindPart, this.temperaturePart, ...limits), labelled("Instructions", this.instructions));
      return [labelled("Model", this.preset), this.pacePart, ...this.serverParts, this.list, this.more];
    }
    choose() {
      const [url, model] = this.offers[this.preset.value];
      this.base_url.value = url;
      this.model_id.value = model;
      this.key.value = "";
      this.adapt();
    }
    adapt() {
      const { value } = this.preset;
      this.pacePart.hidden = value !== DEMO;
      // The demo's answers are recorded code.
      this.kindPart.hidden = value === DEMO || !this.kind.options.length;
      for (const part of [...this.serverParts, this.temperaturePart]) part.hidden = KEYLESS.has(value);
      const models = this.offers[value]?.[3] ?? [];
      this.list.replaceChildren(...models.map((name) => Object.assign(el("option", ""), { value: name })));
    }
    number(at, removable) {
      setText(this.legend, `Lane ${at + 1}`);
      this.remove.hidden = !removable;
      this.remove.setAttribute("aria-label", `Remove lane ${at + 1}`);
    }
    /* What the server is asked for. */
    get value() {
      const preset = this.preset.value;
      const server = KEYLESS.has(preset)
        ? { base_url: "", model_id: preset === DEMO ? this.pace.value : "", key: "", temperature: "" }
        : { base_url: this.base_url.value, model_id: this.model_id.value, key: this.key.value, temperature: this.temperature.value };
      const agent_kind = this.kindPart.hidden || this.kind.value === "code" ? "" : this.kind.value;
      const limits = Object.fromEntries(Object.entries(this.limits).map(([name, { value }]) => [name, value]));
      return { preset, ...server, ...limits, agent_kind, instructions: this.instructions.value };
    }
  }

  /* What a new lane begins with: the settings, with the next model of the same preset if there is one. */
  function laneChoices(settings, offers, at) {
    if (settings.preset === DEMO) return { ...settings, model_id: ["fast", "slow", ""][at] };
    const models = offers[settings.preset]?.[3] ?? [];
    const others = models.filter((name) => name !== settings.model_id);
    return { ...settings, model_id: at ? (others[at - 1] ?? settings.model_id) : settings.model_id };
  }

  Object.assign(agentui, { LaneForm, laneChoices, labelledField: labelled, selectOf: select });
})();
