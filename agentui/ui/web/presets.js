/* Keeps preset, base URL and model id in step, at once and in the browser. Called by Gradio with their values. */
(() => {
  const agentui = (window.agentui ??= {});
  const CUSTOM = "custom";

  /* A preset was chosen: fill in what it stands for. The list also speaks up when it is only left; then the URL is
     the preset's already and everything stays. */
  agentui.choosePreset = (preset, url, model) => {
    const [offered, offeredModel] = agentui.offers[preset] ?? [url, model];
    return preset === CUSTOM || url === offered ? [preset, url, model] : [preset, offered, offeredModel];
  };

  /* What only one preset's visitors are told is shown by its style. A fresh page has the first. */
  agentui.showPreset = (preset) => (document.body.dataset.preset = preset);

  /* A URL was typed: it is another server unless it is the preset's. */
  agentui.matchPreset = (preset, url, model) => {
    const other = url.trim() && url.trim() !== agentui.offers[preset]?.[0];
    return [other ? CUSTOM : preset, url, model];
  };
})();
