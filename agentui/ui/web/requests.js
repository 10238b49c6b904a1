/* Requests to the model: all messages of one, as agentui/request_view.py finds them, what changed since the request
   before it, and its body as it was sent. Pure functions of folded requests; no DOM. */
(() => {
  const agentui = (window.agentui ??= {});
  const found = new WeakMap();

  /* Once for every request: nothing of one changes afterwards but its response. */
  const once = (name, make) => (request) => {
    const known = found.get(request) ?? found.set(request, {}).get(request);
    return (known[name] ??= make(request));
  };

  /* All messages that were sent; those that it keeps of requests that are not in the records are missing. */
  const messagesOf = once("messages", (request) => {
    const parts = [];
    let wanted = request.sent.kept + request.sent.messages.length;
    for (let at = request; at && wanted; at = at.before) {
      parts.push(at.sent.messages.slice(0, Math.max(0, wanted - at.sent.kept)));
      wanted = Math.min(wanted, at.sent.kept);
    }
    return parts.reverse().flat();
  });

  const missingOf = (request) => request.sent.kept + request.sent.messages.length - messagesOf(request).length;

  /* A text that is equal for equal messages, without line breaks. */
  const keyOf = ({ tokens, ...rest }) => JSON.stringify(rest);
  const tokensOf = (messages) => messages.reduce((all, message) => all + message.tokens, 0);

  /* Removed and added messages that stand in the same place: of the same role they are one that changed. */
  function pair(gone, added) {
    const rows = [];
    for (let at = 0; at < Math.max(gone.length, added.length); at++) {
      const [was, message] = [gone[at], added[at]];
      if (was && message && was.role === message.role) rows.push({ mark: "changed", message, was });
      else {
        if (was) rows.push({ mark: "removed", message: was });
        if (message) rows.push({ mark: "added", message });
      }
    }
    return rows;
  }

  /* Where the two differ, message by message. */
  function aligned(before, after) {
    const text = (messages) => messages.map(keyOf).join("\n");
    const lines = agentui.compare.lineDiff(text(before), text(after)) ?? [...before.map(() => ({ mark: "gone" })), ...after.map(() => ({ mark: "new" }))];
    const rows = [];
    let [gone, added, i, j] = [[], [], 0, 0];
    const close = () => {
      rows.push(...pair(gone, added));
      [gone, added] = [[], []];
    };
    for (const { mark } of lines) {
      if (mark === "gone") gone.push(before[i++]);
      else if (mark === "new") added.push(after[j++]);
      else {
        close();
        i++;
        rows.push({ mark: "same", message: after[j++] });
      }
    }
    close();
    return rows;
  }

  /* What a request is, compared with the one before it: `rows` of {mark, message, was, number}, where `mark` is "" in a
     first request, "kept" up to where both are equal from the start, and then "same", "added", "changed" or "removed";
     `broke` is the number of the first message that is not what was sent there before; null if all of it was kept. */
  const changesOf = once("changes", (request) => {
    const after = messagesOf(request);
    const before = request.before ? messagesOf(request.before) : [];
    const kept = request.before ? Math.max(0, request.sent.kept - missingOf(request)) : 0;
    const first = !request.before;
    const rows = after.slice(0, kept).map((message) => ({ mark: "kept", message }));
    const rest = first ? after.map((message) => ({ mark: "", message })) : aligned(before.slice(kept), after.slice(kept));
    let number = missingOf(request);
    for (const row of [...rows, ...rest]) row.number = row.mark === "removed" ? null : ++number;
    return {
      rows: [...rows, ...rest],
      first,
      kept: request.sent.kept,
      keptTokens: tokensOf(after.slice(0, kept)),
      tokens: tokensOf(after),
      broke: !first && kept < before.length ? request.sent.kept + 1 : null,
      count: (mark) => rest.filter((row) => row.mark === mark).length,
      tokensOf: (mark) => tokensOf(rest.filter((row) => row.mark === mark).map(({ message }) => message)),
    };
  });

  /* Parameters, those of the request before included: [{name, value, mark, was}]. */
  const parametersOf = once("parameters", (request) => {
    const [now, then] = [request.sent.settings, request.before?.sent.settings];
    const text = (value) => JSON.stringify(value);
    const rows = Object.entries(now).map(([name, value]) => {
      const mark = !then ? "" : !(name in then) ? "added" : text(then[name]) === text(value) ? "kept" : "changed";
      return { name, value, mark, was: then?.[name] };
    });
    const removed = Object.entries(then ?? {}).filter(([name]) => !(name in now));
    return [...rows, ...removed.map(([name, value]) => ({ name, value, mark: "removed" }))];
  });

  /* Whether it went over a wire: else what is known of it is what the agent asked for. */
  const onWire = (request) => "model" in request.sent.settings;

  function contentOf({ text, parts, tool_calls: calls }) {
    if (!parts?.length) return text === "" && calls?.length ? null : text;
    const characters = Array.from(text);
    let at = 0;
    return parts.map((length) =>
      length < 0
        ? { type: "image_url", image_url: { url: "(this picture is not in the records)" } }
        : { type: "text", text: characters.slice(at, (at += length)).join("") },
    );
  }

  function wireMessage(message) {
    const wire = { role: message.role, content: contentOf(message) };
    if (message.tool_calls?.length) wire.tool_calls = message.tool_calls;
    if (message.tool_call_id != null) wire.tool_call_id = message.tool_call_id;
    return wire;
  }

  /* The body of the request. model: for one that went over no wire, the name of the model. */
  function bodyOf(request, model) {
    const { model: named = model, ...rest } = request.sent.settings;
    return { model: named, messages: messagesOf(request).map(wireMessage), ...(onWire(request) ? {} : { stream: true }), ...rest };
  }

  /* What of a request is not in the records and so not in its body either; in words. */
  function lostOf(request) {
    const messages = messagesOf(request);
    const sum = (field) => messages.reduce((all, message) => all + (message[field] ?? 0), 0);
    const said = (n, one, many) => (n ? [`${agentui.count(n)} ${n === 1 ? one : many}`] : []);
    return [
      ...said(missingOf(request), "earlier message", "earlier messages"),
      ...said(sum("pictures"), "picture", "pictures"),
      ...said(sum("left_out"), "character of a long message", "characters of long messages"),
    ];
  }

  agentui.requests = { messagesOf, missingOf, changesOf, parametersOf, onWire, bodyOf, lostOf };
})();
