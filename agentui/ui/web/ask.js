/* What the page's scripts ask the server for, about the chat that is shown. */
(() => {
  const agentui = (window.agentui ??= {});

  /* What other scripts want done once, when everything is on the page. */
  agentui.starts ??= [];

  /* The chat that is shown. A page that has just been opened is told of it in a moment. */
  agentui.chatId = async () => {
    for (let tries = 0; tries < 600 && !agentui.inspector?.chat; tries++) await new Promise((done) => setTimeout(done, 50));
    return agentui.inspector?.chat;
  };

  /* Resolves to the server's answer; rejects with an Error whose message is for people. */
  agentui.ask = async (verb, fields = {}) => {
    const chat = await agentui.chatId();
    const { connection } = agentui;
    if (connection.problem) throw new Error(connection.problem);
    const answer = await agentui.server.act({ chat, ...fields, verb });
    // Gradio's client keeps the reason to itself.
    if (!answer) throw new Error(connection.fail());
    if (answer.error) throw new Error(answer.error);
    return answer.answer ?? null;
  };
})();
