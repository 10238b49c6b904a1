/* What a step's card has besides texts: tool calls, retries, pictures and files, errors. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el, setText, seconds, oneLine, humane, cleanLine, shownValue } = agentui;
  const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

  const note = (...children) => el("div", "au-note", ...children);
  const line = (text) => cleanLine(oneLine(text));

  /* A host tool call in a line, and under it what a called agent did. */
  class CallPart {
    constructor(call, options) {
      const given = Object.entries(call.started.arguments ?? {}).map(([name, value]) => `${name}=${shownValue(value)}`);
      this.tag = el("span", "au-tag", "tool");
      this.end = el("span", "", el("span", "au-fact", "calling …"));
      this.line = el("div", "au-call", this.tag, " ", el("code", "", line(`${call.started.name}(${given.join(", ")})`)), " ", this.end);
      this.node = el("div", "", this.line);
      this.options = options;
      this.done = false;
    }
    update(call, now) {
      if (call.subagent) this.updateAgent(call.subagent, now);
      if (!call.finished) return;
      const { error, result, duration_s: took } = call.finished;
      const said = error != null ? [el("span", "au-failed", `failed: ${line(error)}`)] : ["→ ", el("code", "", line(shownValue(result)))];
      this.end.replaceChildren(...said, " ", el("span", "au-fact", seconds(took)));
      this.done = true;
    }
    updateAgent(view, now) {
      if (!view.steps.length) return;
      if (!this.steps) {
        this.steps = new agentui.StepCards({ ...this.options, inside: true });
        this.summary = el("summary", "");
        this.node.append(el("details", "au-reasoning", this.summary, this.steps.node));
        setText(this.tag, "agent");
      }
      const { length } = view.steps;
      setText(this.summary, `${length} ${length === 1 ? "step" : "steps"} of the called agent`);
      this.steps.update(view, now);
    }
  }

  /* A picture in place, anything else as a link that downloads it. */
  function artifactPart(made, artifactUrl) {
    const url = artifactUrl(made.artifact_id);
    const about = el("span", "au-fact", `${made.media_type} · ${agentui.size(made.size_bytes)}`);
    if (!url) return el("div", "au-file", made.name, " ", about);
    const link = el("a");
    link.href = url;
    if (!PICTURES.has(made.media_type)) {
      link.download = made.name;
      link.append(made.name);
      return el("div", "au-file", link, " ", about);
    }
    const picture = el("img");
    picture.src = url;
    picture.alt = made.name;
    link.title = `Open ${made.name}`;
    link.append(picture);
    return el("div", "au-picture", link);
  }

  /* What went wrong: a line, or the whole of a traceback. */
  function errorPart(error) {
    const text = error.trim();
    if (!text.includes("\n")) return el("div", "", el("div", "au-error", line(humane(error))));
    const lines = agentui.outputLines();
    lines.update(text);
    return el("div", "", el("div", "au-label au-failed", "Error"), lines.node);
  }

  function retryParts(retries, until, error) {
    return agentui.retryLines(retries, until, error).map((text) => note(el("span", "au-tag", "retry"), ` ${text}`));
  }

  Object.assign(agentui, { CallPart, artifactPart, errorPart, retryParts, noteNode: note });
})();
