/* A task that waits in line because the server runs as many as it may: where it stands, in words. */
(() => {
  const agentui = (window.agentui ??= {});
  const plural = new Intl.PluralRules("en-US", { type: "ordinal" });
  const ENDINGS = { one: "st", two: "nd", few: "rd", other: "th" };

  /* line: as the feed has it. */
  agentui.lineText = ({ place }) => `${place === 1 ? "Next" : `${place}${ENDINGS[plural.select(place)]}`} in line`;
  agentui.lineReason = ({ running }) =>
    `This server runs ${agentui.count(running)} ${running === 1 ? "task" : "tasks"} at a time. Yours begins by itself; Esc leaves the line.`;
})();
