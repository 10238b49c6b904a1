/* The tabs under the steps. A panel is a class with `id` and `title`; of an instance are used:
     node               its element
     update(run, now)   shows a WatchedRun; called only while the panel is shown: when the run has changed, 4 times a
                        second while it goes on, and when another step is selected
     clear()            another run will be shown
   Each script that has a panel adds its class to `agentui.panels`, whose order is that of the scripts. It is made with
   the inspector, whose `selected` is the index of the selected step, or null. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el } = agentui;
  agentui.panels ??= [];

  class Tabs {
    constructor(inspector) {
      this.bar = el("div", "au-tabs");
      this.bar.setAttribute("role", "tablist");
      this.bar.setAttribute("aria-label", "About the run");
      this.node = el("section", "au-tabbed", this.bar);
      this.panels = agentui.panels.map((Panel) => this.add(new Panel(inspector), Panel));
      this.bar.addEventListener("keydown", (event) => this.move(event));
      this.onShow = () => {};
      this.show(this.panels[0].id);
    }
    add(panel, { id, title }) {
      const tab = el("button", "au-tab", title);
      tab.type = "button";
      tab.id = `au-tab-${id}`;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", `au-panel-${id}`);
      tab.addEventListener("click", () => this.show(id));
      const node = el("div", `au-panel au-part-${id}`, panel.node);
      node.id = `au-panel-${id}`;
      node.setAttribute("role", "tabpanel");
      node.setAttribute("aria-labelledby", tab.id);
      this.bar.append(tab);
      this.node.append(node);
      return { id, tab, node, panel };
    }
    show(id) {
      if (!this.panels.some((each) => each.id === id)) return;
      this.shown = id;
      for (const { id: each, tab, node } of this.panels) {
        const selected = each === id;
        tab.setAttribute("aria-selected", String(selected));
        tab.tabIndex = selected ? 0 : -1;
        node.hidden = !selected;
      }
      this.onShow?.();
    }
    move(event) {
      const at = this.panels.findIndex(({ id }) => id === this.shown);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: this.panels.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const next = this.panels[(to + this.panels.length) % this.panels.length];
      this.show(next.id);
      next.tab.focus();
    }
    get current() {
      return this.panels.find(({ id }) => id === this.shown).panel;
    }
    update(run, now) {
      this.current.update(run, now);
    }
    clear() {
      for (const { panel } of this.panels) panel.clear();
    }
  }

  agentui.Tabs = Tabs;
})();
