/* A request as a command for a shell and as a program in Python; both send exactly its body. The key is never in them:
   they read it from the environment. Pure functions; no DOM. */
(() => {
  const agentui = (window.agentui ??= {});
  const WIDTH = 90;
  /* What a terminal or an editor would not show as it is: controls, and marks that turn the direction of a line. */
  const UNSEEN = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
  const shown = (json) => json.replace(UNSEEN, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const CREATE = new Set(
    ("model messages stream stream_options stop temperature top_p n seed max_tokens max_completion_tokens tools tool_choice " +
      "parallel_tool_calls response_format presence_penalty frequency_penalty logprobs top_logprobs reasoning_effort user").split(" "),
  );

  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  /* The address of a server; null where the reader has to name one. That of a recording which somebody else made may be
     anything, an option of curl for example. */
  const usable = (server) => (/^https?:\/\/[^\s\p{C}]+$/u.test(server ?? "") ? server.replace(/\/+$/, "") : null);

  /* A command for bash and its like. The body stands in a here-document, in which nothing has a meaning for the shell and
     which may be longer than an argument. server: the base URL, if it has one. */
  function curl(body, server) {
    const base = usable(server);
    const url = base == null ? '"$OPENAI_BASE_URL/chat/completions"' : quoted(`${base}/chat/completions`);
    const json = shown(JSON.stringify(body, null, 2));
    return `curl -sS -N -g ${url} \\
  -H 'Content-Type: application/json' \\
  -H "Authorization: Bearer $OPENAI_API_KEY" \\
  --data-binary @- <<'END_OF_BODY'
${json}
END_OF_BODY
`;
  }

  /* A text of JSON means the same in Python; one of several lines is written line by line. */
  function text(value, pad) {
    const lines = value.match(/[^\n]*\n|[^\n]+/g) ?? [""];
    const literals = lines.map((line) => shown(JSON.stringify(line)));
    if (lines.length === 1) return literals[0];
    return `(\n${literals.map((line) => `${pad}    ${line}\n`).join("")}${pad})`;
  }

  function listed(items, [open, close], pad) {
    const line = `${open}${items.join(", ")}${close}`;
    if (!line.includes("\n") && line.length + pad.length <= WIDTH) return line;
    return `${open}\n${items.map((item) => `${pad}    ${item},\n`).join("")}${pad}${close}`;
  }

  /* A value of JSON as Python writes it. */
  function literal(value, pad) {
    if (typeof value === "string") return text(value, pad);
    if (Array.isArray(value)) return listed(value.map((item) => literal(item, `${pad}    `)), "[]", pad);
    if (value && typeof value === "object")
      return listed(Object.entries(value).map(([name, item]) => `${text(name, "")}: ${literal(item, `${pad}    `)}`), "{}", pad);
    return { null: "None", true: "True", false: "False" }[String(value)] ?? JSON.stringify(value);
  }

  /* A program that uses the openai package. */
  function python(body, server) {
    const named = Object.entries(body).filter(([name]) => CREATE.has(name));
    const extra = Object.entries(body).filter(([name]) => !CREATE.has(name));
    const given = [...named, ...(extra.length ? [["extra_body", Object.fromEntries(extra)]] : [])];
    const base = usable(server);
    const url = base == null ? 'os.environ["OPENAI_BASE_URL"]' : text(base, "");
    return `import os

from openai import OpenAI

client = OpenAI(base_url=${url}, api_key=os.environ["OPENAI_API_KEY"])
stream = client.chat.completions.create(
${given.map(([name, value]) => `    ${name}=${literal(value, "    ")},\n`).join("")})
for chunk in stream:
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)
print()
`;
  }

  agentui.requestCode = { curl, python };
})();
