/* What a browser remembers of how somebody likes the page: for all its pages, or for one tab. Nothing of a run. */
(() => {
  const agentui = (window.agentui ??= {});

  /* Reads a choice, after writing it if there is a value. Storage may be off: choices last until the page is closed. */
  const remembering = (storage) => (name, value) => {
    try {
      if (value !== undefined) storage().setItem(name, value);
      return storage().getItem(name);
    } catch {
      return null;
    }
  };
  agentui.store = remembering(() => localStorage);
  agentui.storeForTab = remembering(() => sessionStorage);
})();
