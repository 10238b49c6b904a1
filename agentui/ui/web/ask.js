/* What the page's scripts ask the server for, about the chat that is shown. */
(() => {
  const agentui = (window.agentui ??= {});

  /* Resolves to the server's answer; rejects with an Error whose message is for people. */
  agentui.ask = async (verb, fields = {}) => {
    const answer = await agentui.server.act({ chat: agentui.inspector?.chat, ...fields, verb });
    if (answer?.error) throw new Error(answer.error);
    return answer?.answer ?? null;
  };
})();
