"""Text and reasoning of one delta, or of one message, in all the forms that servers give them (rules 16 to 19)."""

from __future__ import annotations

from typing import Any, NamedTuple

from agentui.models.wire import JSONObject, as_list, as_object, as_objects, as_text


class Parts(NamedTuple):
    """What one delta object holds."""

    reasoning: str
    content: str


NO_PARTS = Parts("", "")


def parts_of(delta: JSONObject) -> Parts:
    """What `delta` adds; `""` for what it does not speak of."""
    content = delta.get("content")
    if isinstance(content, str):
        reasoning, text = "", content
    else:
        reasoning, text = _list_parts(content)
    reasoning = _reasoning_field(delta) or reasoning
    if text and as_object(as_object(delta.get("extra_content")).get("google")).get("thought") is True:  # rule 19
        return Parts(reasoning + text, "")
    return Parts(reasoning, text or as_text(delta.get("refusal")))


def _reasoning_field(delta: JSONObject) -> str:
    """One of the fields, never their sum: servers send the same text in several (rule 18)."""
    for key in ("reasoning_content", "reasoning"):
        if text := as_text(delta.get(key)):
            return text
    if details := delta.get("reasoning_details"):
        return "".join(as_text(item.get("text")) or as_text(item.get("summary")) for item in as_objects(details))
    return ""


def _list_parts(content: Any) -> Parts:
    """Content as a list of parts: Mistral's `thinking`, Databricks' `reasoning` (rule 17)."""
    reasoning, text = "", ""
    for part in as_list(content) or [content]:
        if isinstance(part, str):
            text += part
            continue
        described = as_object(part)
        inner = described.get("thinking", described.get("summary"))
        if inner is not None:
            reasoning += as_text(inner) or _list_parts(inner).content
        elif "reasoning" in as_text(described.get("type")) or "thinking" in as_text(described.get("type")):
            reasoning += as_text(described.get("text"))
        else:
            text += as_text(described.get("text"))
    return Parts(reasoning, text)
