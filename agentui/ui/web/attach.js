/* Files for the next task: attached by a button, by dropping them on the conversation or by pasting them. The server
   says what is attached; this shows it and sends more. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el } = agentui;
  const URL_OF = "gradio_api/agentui/uploads";

  const bytes = (n) => (n < 1000 ? `${n} bytes` : n < 1e6 ? `${Math.round(n / 1000)} kB` : `${(n / 1e6).toFixed(1)} MB`);

  class Attachments {
    constructor(composer, area) {
      this.sending = new Map();
      this.files = [];
      this.picker = el("input", "au-hidden");
      Object.assign(this.picker, { type: "file", multiple: true, tabIndex: -1 });
      this.picker.setAttribute("aria-hidden", "true");
      this.button = el("button", "au-icon au-attach", "+");
      Object.assign(this.button, { type: "button", title: "Attach files" });
      this.button.setAttribute("aria-label", "Attach files");
      composer.prepend(this.button, this.picker);
      this.list = el("ul", "au-chips");
      this.list.setAttribute("aria-label", "Attached files");
      this.said = el("p", "au-small au-attach-note");
      this.said.setAttribute("role", "status");
      this.see = this.makeSee();
      this.node = el("div", "au-attachments", this.list, this.see, this.said);
      composer.before(this.node);
      this.listen(composer, area);
      this.draw();
    }

    /* Whether the model is shown the pictures: said before they are sent. */
    makeSee() {
      this.box = el("input", "");
      this.box.type = "checkbox";
      this.seeText = el("span", "");
      this.box.addEventListener("change", () => agentui.ask("show_pictures", { shown: this.box.checked }).then(() => this.ask(), () => {}));
      return el("label", "au-see", this.box, this.seeText);
    }

    listen(composer, area) {
      this.button.addEventListener("click", () => this.picker.click());
      this.picker.addEventListener("change", () => {
        this.add(this.picker.files);
        this.picker.value = "";
      });
      const has = (event) => event.dataTransfer?.types.includes("Files");
      for (const type of ["dragenter", "dragover"])
        area.addEventListener(type, (event) => {
          if (!has(event)) return;
          event.preventDefault();
          area.dataset.drop = "over";
        });
      area.addEventListener("dragleave", (event) => !area.contains(event.relatedTarget) && delete area.dataset.drop);
      area.addEventListener("drop", (event) => {
        delete area.dataset.drop;
        if (!has(event)) return;
        event.preventDefault();
        event.stopPropagation();
        this.add(event.dataTransfer.files);
      }, true);
      composer.addEventListener("paste", (event) => {
        if (!event.clipboardData?.files.length) return;
        event.preventDefault();
        event.stopPropagation();
        this.add(event.clipboardData.files);
      }, true);
      // A task that left without its files would not be the task.
      const hold = (event) => {
        const sends = event.type === "click" ? event.target.closest("#send") : event.key === "Enter" && !event.shiftKey && event.target.closest("#task-input");
        if (!sends || !this.sending.size) return;
        event.preventDefault();
        event.stopPropagation();
        agentui.setText(this.said, "The files are on their way: send the task when they are here.");
      };
      for (const type of ["click", "keydown"]) document.addEventListener(type, hold, true);
    }

    add(files) {
      agentui.setText(this.said, "");
      for (const file of files) this.send(file);
    }

    async send(file) {
      const cut = new AbortController();
      this.sending.set(cut, file);
      this.draw();
      try {
        const headers = { "x-agentui-chat": await agentui.chatId(), "x-agentui-name": encodeURIComponent(file.name || "picture.png"), "content-type": "application/octet-stream" };
        const response = await fetch(URL_OF, { method: "POST", body: file, headers, signal: cut.signal });
        const answer = await response.json().catch(() => ({}));
        if (!response.ok) throw new Error(answer.error ?? `The server refused the file (${response.status}).`);
      } catch (error) {
        if (error.name !== "AbortError") agentui.setText(this.said, `${file.name}: ${error instanceof TypeError ? "The connection broke off: attach it again." : error.message}`);
      } finally {
        this.sending.delete(cut);
        this.draw();
      }
    }

    /* What the server has, as the feed tells it. */
    take(files) {
      const key = JSON.stringify(files ?? []);
      if (key === this.key) return;
      this.key = key;
      this.files = files ?? [];
      this.draw();
      if (this.files.some((file) => file.picture)) this.ask();
    }

    async ask() {
      const model = document.querySelector("#model-id :is(input, textarea)")?.value ?? "";
      const answer = await agentui.ask("sees_pictures", { preset: document.body.dataset.preset ?? "", model_id: model }).catch(() => null);
      if (!answer) return;
      this.box.checked = answer.shown;
      const unknown = answer.known ? "" : " (it is not known to take pictures)";
      agentui.setText(this.seeText, answer.shown ? `The model is shown the pictures${unknown}` : `Show the pictures to the model too${unknown}; its code gets them as files`);
    }

    draw() {
      const here = this.files.map((file) => this.chip(file, () => agentui.ask("detach", { id: file.id }).catch((error) => agentui.setText(this.said, error.message))));
      const coming = [...this.sending].map(([cut, file]) => this.chip({ name: file.name || "picture.png", size_bytes: file.size }, () => cut.abort(), true));
      this.list.replaceChildren(...here, ...coming);
      this.list.hidden = !this.list.childElementCount;
      this.see.hidden = !this.files.some((file) => file.picture);
    }

    chip({ id, name, size_bytes, picture }, remove, coming = false) {
      const image = picture ? el("img", "") : null;
      if (image) Object.assign(image, { src: `${URL_OF}/${id}`, alt: "" });
      const button = el("button", "au-icon", "✕");
      button.type = "button";
      button.setAttribute("aria-label", `Remove ${name}`);
      button.addEventListener("click", remove);
      return el("li", "au-attachment", image, el("b", "", name), el("i", "", coming ? "on its way …" : bytes(size_bytes)), button);
    }
  }

  agentui.starts.push(() => {
    const attachments = new Attachments(document.getElementById("composer"), document.getElementById("conversation"));
    agentui.takeAttached = (files) => attachments.take(files);
    const model = document.querySelector("#model-id input");
    for (const type of ["change", "input"]) model?.addEventListener(type, () => attachments.files.some((file) => file.picture) && attachments.ask());
  });
})();
