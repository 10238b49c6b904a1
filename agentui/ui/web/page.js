/* The page around the inspector: scrolling that follows, drawers, theme, shortcuts. It keeps no state of a run. */
(() => {
  const agentui = (window.agentui ??= {});
  const STORED_THEME = "agentui-theme";
  const STORED_PANEL = "agentui-settings";
  const wide = window.matchMedia("(min-width: 1100px)");
  const byId = (id) => document.getElementById(id);

  /* Resolves when all these ids are on the page. */
  function present(...ids) {
    return new Promise((resolve) => {
      const look = () => {
        const found = ids.map(byId);
        if (found.every(Boolean)) resolve(found);
        else requestAnimationFrame(look);
      };
      look();
    });
  }

  function setTheme(dark) {
    document.body.classList.toggle("dark", dark);
    document.documentElement.style.colorScheme = dark ? "dark" : "light";
  }

  function startTheme() {
    const system = window.matchMedia("(prefers-color-scheme: dark)");
    const apply = () => {
      const asked = new URLSearchParams(location.search).get("__theme") ?? agentui.store(STORED_THEME);
      setTheme(asked === "dark" || (asked !== "light" && system.matches));
    };
    apply();
    system.addEventListener("change", apply);
  }

  function setSettings(open) {
    document.body.dataset.settings = open ? "open" : "closed";
    document.querySelector('[data-au="settings"]')?.setAttribute("aria-expanded", String(open));
  }

  function startSettings(panel) {
    const initial = () => setSettings(wide.matches && agentui.store(STORED_PANEL) !== "closed");
    initial();
    wide.addEventListener("change", initial);
    name(panel, "complementary", "Settings");
    // Whoever gets into a closed panel by keyboard or by a program sees it.
    panel.addEventListener("focusin", () => setSettings(true));
    document.addEventListener("pointerdown", (event) => {
      const inside = panel.contains(event.target) || event.target.closest?.("[data-au], [role=listbox], .options");
      if (!wide.matches && !inside) setSettings(false);
    });
  }

  function setPromise(open) {
    byId("au-promise").hidden = !open;
    document.querySelector('[data-au="sandbox"]').setAttribute("aria-expanded", String(open));
  }

  /* What elements with `data-au` do; other scripts add theirs. */
  const ACTIONS = (agentui.actions = {
    theme: () => {
      const dark = !document.body.classList.contains("dark");
      agentui.store(STORED_THEME, dark ? "dark" : "light");
      setTheme(dark);
    },
    settings: () => {
      const open = document.body.dataset.settings !== "open";
      if (wide.matches) agentui.store(STORED_PANEL, open ? "open" : "closed");
      setSettings(open);
    },
    sandbox: () => setPromise(byId("au-promise").hidden),
    // Gradio's footer is hidden; its button opens the description of the endpoint.
    api: () => document.querySelector("footer .show-api")?.click(),
    connect: () => {
      setSettings(true);
      document.querySelector("#base-url input, #base-url textarea")?.focus();
    },
  });

  /* A new chat ends the run that goes on and clears the page in every tab of this browser. */
  function keepRunning(event) {
    const run = agentui.inspector.own.at(-1);
    if (!run || run.view.end || confirm("The agent still works. A new chat stops it and clears this one, in every tab. Go on?")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /* Counts the wait of a retry down, in the line that the server wrote once. */
  function countDown(view, now) {
    if (view?.phase !== "retrying" || view.end) return;
    const left = agentui.countdown(view.detail.until - now);
    for (const node of document.querySelectorAll("#live-step .au-countdown")) agentui.setText(node, left);
  }

  /* The transcript would read every token aloud; the inspector announces phases instead. */
  function quietLogs(chat) {
    const hush = () => chat.querySelectorAll('[aria-live="polite"]').forEach((log) => log.setAttribute("aria-live", "off"));
    hush();
    new MutationObserver(hush).observe(chat, { childList: true, subtree: false });
    setTimeout(hush, 1000);
  }

  /* Gradio names a message by its source, markup and all. */
  function nameMessages(chat) {
    const label = (message) => {
      if (message.closest(".user-row")) return "Your task";
      if (message.querySelector(".au-answer")) return "Answer";
      return message.querySelector(".au-head b")?.textContent ?? "Message";
    };
    // The text of a message may come after the message.
    const nameless = '[aria-label*="s message: "], [aria-label="Message"]';
    const rename = () => {
      for (const message of chat.querySelectorAll(nameless)) if (message.ariaLabel !== label(message)) message.setAttribute("aria-label", label(message));
    };
    rename();
    new MutationObserver(rename).observe(chat, { childList: true, subtree: true, attributeFilter: ["aria-label"] });
  }

  function name(element, role, label) {
    element.setAttribute("role", role);
    element.setAttribute("aria-label", label);
  }

  /* A Gradio button has plain text: its first line becomes the title. */
  function titleChips() {
    for (const chip of document.querySelectorAll(".au-chip")) {
      const [title, ...rest] = chip.textContent.trim().split("\n");
      chip.replaceChildren(agentui.el("b", "", title), rest.join(" "));
    }
  }

  /* closeSheet() says whether there was a sheet to close. */
  function startEscape(closeSheet) {
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented || event.isComposing) return;
      if (document.querySelector("[role=listbox], dialog[open]")) return;
      if (!wide.matches && document.body.dataset.settings === "open") return setSettings(false);
      if (!wide.matches && closeSheet()) return;
      if (document.body.dataset.run === "running") byId("stop")?.click();
    });
  }

  const setLabel = (button, text) => button.textContent.trim() === text || (button.textContent = text);

  function showState({ running: runsNow, own, runs, line }) {
    const running = runsNow || Boolean(line);
    document.body.dataset.run = running ? "running" : "idle";
    document.body.dataset.chat = runs || line ? "going" : "empty";
    if (!runs && !line) byId("chat").scrollTop = 0;
    const send = byId("send");
    send.disabled = running && !own;
    setLabel(send, own ? "Queue" : "Send");
    send.title = own ? "The agent reads it with its next request (Enter)" : running ? "A race goes on: stop it, or wait for its end" : "Send (Enter)";
    const stop = byId("stop");
    stop.disabled = !running;
    if (!running) stop.textContent = "Stop";
    agentui.setText(
      byId("composer-hint"),
      line
        ? agentui.lineReason(line)
        : own
          ? "Enter queues a message for the agent, Ctrl+Enter sends it now; Esc stops the run."
          : running
            ? "A race goes on. Esc stops it; a task can be sent when it has ended."
            : "Enter sends, Shift+Enter makes a new line.",
    );
  }

  async function start({ element, props, watch, server }) {
    startTheme();
    document.body.dataset.preset ??= Object.keys(agentui.offers)[0];
    const [status, chat, panel, stop, send, inspector] = await present(
      "run-status", "chat", "settings", "stop", "send", "inspector", "composer-hint", "transcript", "live-step",
      "base-url", "model-id", "api-key",
    );
    const toEnd = (agentui.toEnd = agentui.startFollowing(chat));
    startSettings(panel);
    startEscape(agentui.startSheet(inspector));
    quietLogs(chat);
    nameMessages(chat);
    agentui.startReach(chat);
    titleChips();
    for (const hidden of document.querySelectorAll("#pressed-by-script :is(button, input, textarea)")) hidden.tabIndex = -1;
    byId("pressed-by-script")?.setAttribute("aria-hidden", "true");
    name(chat, "region", "Conversation");
    name(inspector, "region", "Run");
    name(byId("top-bar"), "region", "Page");
    name(byId("run-bar"), "region", "Run status");
    name(byId("composer"), "form", "Task");
    document.addEventListener("click", (event) => {
      const target = event.target.closest?.("[data-au]");
      if (target?.dataset.au !== "sandbox") setPromise(false);
      if (target) ACTIONS[target.dataset.au]?.();
      const button = event.target.closest?.("#chat .au-button");
      if (button) agentui.press(button);
    });
    stop.addEventListener("click", () => (stop.textContent = "Stopping …"));
    send.addEventListener("click", toEnd);
    byId("new-chat").addEventListener("click", keepRunning, true);
    agentui.server = server;
    const view = new agentui.Inspector({
      root: element.querySelector(".au-root"),
      status: status.querySelector(".au-status"),
      refetch: (request) => agentui.ask("records", request),
      onState: showState,
      onDraw: (...drawn) => {
        countDown(...drawn);
        followLink();
      },
      onSelect: (selected) => {
        for (const each of [marks, past]) each.select(selected);
        link.update(selected.step);
      },
    });
    const link = agentui.linkButton(view);
    view.tools.append(link.button);
    const followLink = agentui.followLink(view, location.search, agentui.notice);
    const marks = new agentui.Marks(chat, view, toEnd.hold);
    byId("conversation").prepend(new agentui.Levels(chat, view).node);
    agentui.startSplitter(byId("panes"), byId("conversation"));
    agentui.startKeys(view, () => document.querySelector("#task-input textarea"));
    agentui.inspector = view;
    const past = agentui.startTime({ inspector: view, bar: byId("run-bar"), chat, artifactUrl: (id) => `gradio_api/agentui/artifacts/${encodeURIComponent(id)}` });
    const takeRaces = agentui.startRaces({ inspector: view, chat, composer: byId("composer"), send });
    const takeSteering = agentui.startSteering(view, byId("composer"), send);
    const take = () => {
      if (!props.value) return;
      const batch = JSON.parse(props.value);
      view.feed(batch);
      agentui.takeAttached?.(batch.attached);
      takeRaces(batch);
      takeSteering(batch);
    };
    for (const begin of agentui.starts) begin();
    watch("value", take);
    take();
  }

  agentui.start = start;
})();
