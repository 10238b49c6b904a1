/* What the transcript says about code that somebody was asked about, and messages in their places: as
   agentui/ui/decisions.py. It needs nothing of the page. */
(() => {
  const agentui = (window.agentui ??= {});
  const { el } = agentui;

  /* Patterns that are allowed in a run, in words where they are not some themselves. */
  agentui.allowedText = (pattern) => (pattern === "none" ? "code in which nothing is seen" : pattern);

  function decisionText(decided) {
    const allowed = decided.allowed?.length ? ` Allowed in this run: ${decided.allowed.map(agentui.allowedText).join(", ")}.` : "";
    if (decided.automatic) return "Not asked: all that is seen in it was allowed in this run.";
    if (decided.decision === "rejected") return `You rejected this code${decided.reason ? `: ${decided.reason}` : "."}`;
    if (decided.decision === "edited") return `You edited this code before it ran.${allowed}`;
    return `You let this code run.${allowed}`;
  }

  /* A line for each question of a step. */
  agentui.decisionParts = (step) =>
    step.approvals.map(({ decided }) => {
      if (decided) return agentui.noteNode(el("span", "au-tag", "decision"), ` ${decisionText(decided)}`);
      return agentui.noteNode(step.end ? "Nobody decided about this code: it did not run." : "Waiting for your decision …");
    });

  /* What was said before a step began, after the one before it. */
  agentui.saidBefore = (view, index) => view.said.filter((one) => one.before === index).map((one) => one.message.text);
})();
