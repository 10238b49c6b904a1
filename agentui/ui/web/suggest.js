/* Suggestions under a text field that takes any text: a list that is opened by the arrow keys, by typing or by its button.
   The field stays the one that holds the value; a choice is typed into it. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el } = agentui;
  const SHOWN = 200;

  /* Types a text into a field as a person would, so that whoever listens to the field learns of it. */
  agentui.typeInto = (input, text) => {
    input.value = text;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };

  class Suggestions {
    /* input: the field. label: what the list is called. onOpen(): the list is about to be looked at.
       onChoose(text): a suggestion was taken. */
    constructor(input, { label, onOpen = () => {}, onChoose = () => {} }) {
      Object.assign(this, { input, label, onOpen, onChoose });
      this.all = [];
      this.note = "";
      this.list = null;
      this.at = -1;
      this.id = `${input.closest("[id]").id}-suggestions`;
      this.button = el("button", "au-suggest");
      this.button.type = "button";
      this.button.tabIndex = -1;
      this.button.setAttribute("aria-label", `Show ${label}`);
      input.parentElement.append(this.button);
      const marks = { role: "combobox", autocomplete: "off", "aria-autocomplete": "list", "aria-expanded": "false" };
      for (const [name, value] of Object.entries(marks)) input.setAttribute(name, value);
      this.listen();
    }

    listen() {
      const { input, button } = this;
      input.addEventListener("keydown", (event) => this.press(event));
      input.addEventListener("input", (event) => event.isTrusted && this.open(input.value));
      input.addEventListener("focus", () => this.onOpen());
      input.addEventListener("blur", () => this.close());
      // The field keeps the focus, so that leaving it is what closes the list.
      button.addEventListener("pointerdown", (event) => event.preventDefault());
      button.addEventListener("click", () => {
        if (this.list) return this.close();
        input.focus();
        this.onOpen();
        this.open();
      });
      input.closest(".au-scroll")?.addEventListener("scroll", () => this.close());
      window.addEventListener("resize", () => this.close());
    }

    /* Other suggestions, and a line that is said when there are none. */
    offer(all, note = "") {
      Object.assign(this, { all, note });
      if (this.list) this.draw();
    }

    /* Shows those with `filter` in them. */
    open(filter = "") {
      this.filter = filter.trim().toLowerCase();
      if (!this.list) {
        this.list = el("div", "au-suggestions");
        this.list.id = this.id;
        this.list.setAttribute("role", "listbox");
        this.list.setAttribute("aria-label", this.label);
        this.list.addEventListener("pointerdown", (event) => event.preventDefault());
        this.list.addEventListener("click", (event) => {
          const option = event.target.closest("[role=option]");
          if (option) this.choose(option.textContent);
        });
        document.body.append(this.list);
        this.input.setAttribute("aria-expanded", "true");
        this.input.setAttribute("aria-controls", this.id);
      }
      this.draw();
    }

    draw() {
      const found = this.all.filter((text) => text.toLowerCase().includes(this.filter));
      const options = found.slice(0, SHOWN).map((text, index) => this.option(text, index));
      const more = found.length > SHOWN ? `${agentui.count(found.length - SHOWN)} more: type to find one` : "";
      const said = found.length ? more : this.all.length ? "None of them has this in its name; it is sent as typed." : this.note;
      this.list.replaceChildren(...options, ...(said ? [el("p", "au-suggest-note", said)] : []));
      this.list.hidden = !this.list.childElementCount;
      this.point(options.findIndex((option) => option.textContent === this.input.value));
      this.place();
    }

    option(text, index) {
      const option = el("div", "au-option", text);
      option.id = `${this.id}-${index}`;
      option.setAttribute("role", "option");
      return option;
    }

    place() {
      const box = this.input.getBoundingClientRect();
      const below = window.innerHeight - box.bottom - 12;
      const up = below < 160 && box.top > below;
      const { style } = this.list;
      Object.assign(style, { left: `${box.left}px`, minWidth: `${box.width}px`, maxHeight: `${Math.min(320, up ? box.top - 12 : below)}px` });
      Object.assign(style, up ? { bottom: `${window.innerHeight - box.top + 4}px`, top: "" } : { top: `${box.bottom + 4}px`, bottom: "" });
    }

    point(index) {
      const options = this.list.querySelectorAll("[role=option]");
      options.forEach((option, at) => option.setAttribute("aria-selected", String(at === index)));
      this.at = options[index] ? index : -1;
      options[index]?.scrollIntoView({ block: "nearest" });
      if (options[index]) this.input.setAttribute("aria-activedescendant", options[index].id);
      else this.input.removeAttribute("aria-activedescendant");
    }

    press(event) {
      const count = this.list?.querySelectorAll("[role=option]").length ?? 0;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (!this.list) return this.open();
        const by = event.key === "ArrowDown" ? 1 : -1;
        if (count) this.point((this.at + by + count + (this.at < 0 && by < 0 ? 1 : 0)) % count);
      } else if (event.key === "Enter" && this.at >= 0) {
        event.preventDefault();
        this.choose(this.list.querySelectorAll("[role=option]")[this.at].textContent);
      } else if (event.key === "Escape" && this.list) {
        event.preventDefault();
        event.stopPropagation();
        this.close();
      }
    }

    choose(text) {
      agentui.typeInto(this.input, text);
      this.close();
      this.onChoose(text);
    }

    close() {
      this.list?.remove();
      this.list = null;
      this.at = -1;
      this.input.setAttribute("aria-expanded", "false");
      for (const name of ["aria-controls", "aria-activedescendant"]) this.input.removeAttribute(name);
    }
  }

  agentui.Suggestions = Suggestions;
})();
