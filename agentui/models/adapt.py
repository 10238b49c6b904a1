"""Requests that adapt to their server: what it does not know is left out or renamed, and that is remembered.

Nothing is asked of servers beforehand. A 400 or 422 that says that a parameter we sent is unknown or unsupported is
answered at once by the same request without it, each thing once; later calls to the same address and model start from
there (rules 33 to 36). A refused value teaches nothing: it is the caller's mistake, and is reported. Where the default
is the only value, or nothing of the answer depends on the parameter, leaving it out is what the caller wants.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from agentui.models.sse import parse_json
from agentui.models.wire import JSONObject, as_list, as_object, as_text

_REQUIRED = frozenset({"model", "messages", "stream", "tools"})
_RENAMES = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
_ALIASES = {
    "stop": ("stop", "stop_sequences", "stop_words", "stop sequences", "Stop sequences"),
    "stream_options": ("stream_options", "include_usage"),
}
_DISPENSABLE = frozenset({"stream_options", "tool_choice"})
"Left out whatever is wrong with it: it only asks for usage; `auto` is what servers insist on."
_NOUN = r"(?:parameter|param|argument|field|property|key|option|input)"
_UNKNOWN = re.compile(
    r"\bnot (?:currently )?(?:supported|permitted|allowed|available|recogni[sz]ed|implemented)"
    r"|(?:does not|doesn't|cannot) support|un(?:supported|known|recogni[sz]ed|expected)|\bextra(?:\b|_)|deprecated"
    rf"|\binvalid {_NOUN}|\b{_NOUN} is invalid|not a valid {_NOUN}|cannot find field",
    re.IGNORECASE,
)
_BAD_VALUE = re.compile(
    r"\bvalues?\b|unsupported_value|(?:must|should|has to|have to) (?:not )?(?:be|have|contain)|\bbetween\b"
    r"|\bat (?:most|least)\b|(?:greater|less|more|fewer|larger|smaller|higher|lower) than|\brange\b|\bexceed"
    r"|\btoo (?:large|small|long|short|many|few|high|low)|\bm(?:ax|in)imum\b|\bschema\b|\binvalid (?:type|length)"
    r"|cannot unmarshal|\bflagged\b|\bpolic(?:y|ies)\b|moderation",
    re.IGNORECASE,
)
_ONLY_DEFAULT = re.compile(r"\bonly (?:the|its|their) default\b", re.IGNORECASE)
_EXPECTED = re.compile(rf"\bexpected\b|\bone of\b|\b(?:allowed|supported|valid|permitted) {_NOUN}s?\b", re.IGNORECASE)
_NEAR = 100
"Characters on either side of a name in which a refusal speaks of it."
_TOO_LONG = re.compile(r"context.{0,20}(length|window|size)|too (long|many tokens)|maximum.{0,30}tokens", re.IGNORECASE)
_ALLOWED_LIST = re.compile(r"expected|(?:must|should) be|one of|allowed values|supported values", re.IGNORECASE)
_NO_INSTRUCTIONS = re.compile(
    r"\b(?:system|developer) (?:instruction|message|prompt)s? (?:is|are) not (?:enabled|supported|allowed)",
    re.IGNORECASE,
)
_ROLE_STEPS = {"developer": "system", "system": "user"}
_MAX_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Adaptation:
    """What a server has taught us."""

    dropped: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    roles: Mapping[str, str] = field(default_factory=dict[str, str])

    def apply(self, body: JSONObject) -> JSONObject:
        """`body` in the way that the server takes it."""
        kept = {self.renamed.get(name, name): value for name, value in body.items() if name not in self.dropped}
        if self.roles:
            kept["messages"] = [
                {**message, "role": self.roles.get(message["role"], message["role"])} for message in kept["messages"]
            ]
        return {name: value for name, value in kept.items() if name not in self.dropped}


@dataclass(frozen=True, slots=True)
class Lesson:
    """A further adaptation, and what it changes in words."""

    adaptation: Adaptation
    change: str


class Memory:
    """Adaptations by address and model, for the life of the process."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Adaptation] = {}

    def recall(self, base_url: str, model_id: str) -> Adaptation:
        """What is known; nothing for a server that took everything so far."""
        return self._known.get((base_url, model_id), Adaptation())

    def keep(self, base_url: str, model_id: str, adaptation: Adaptation) -> None:
        """Remember."""
        if len(self._known) >= _MAX_REMEMBERED:
            self._known.clear()
        self._known[base_url, model_id] = adaptation


def lesson_from(status: int, text: str, body: JSONObject, known: Adaptation) -> Lesson | None:
    """What a refusal of `body` teaches; None if it names nothing that could be left out.

    Args:
        status: Of the response.
        text: The response's body. Clients do not show all of it in their exceptions.
        body: As it was sent, with `known` applied.
        known: Adaptations so far.
    """
    if status not in {400, 422}:
        return None
    if lesson := _role_lesson(text, body, known):
        return lesson
    name = _refused_parameter(text, body)
    if name is None or (name in _RENAMES and _TOO_LONG.search(text)):  # the prompt is at fault, not the parameter
        return None
    other = _RENAMES.get(name)
    if other and other not in known.renamed and other not in body:
        return Lesson(
            Adaptation(known.dropped, {**known.renamed, name: other}, known.roles), f"with {name} renamed to {other}"
        )
    return Lesson(Adaptation(known.dropped | {name}, known.renamed, known.roles), f"without {name}")


def _role_lesson(text: str, body: JSONObject, known: Adaptation) -> Lesson | None:
    if "role" not in text.lower() and not _NO_INSTRUCTIONS.search(text):
        return None
    sent = {as_text(message.get("role")) for message in body["messages"]}
    for role, other in _ROLE_STEPS.items():  # rule 35; templates of some small models know no system role
        if role in sent and role not in known.roles and _refuses_role(role, text):
            roles = {**{old: other if new == role else new for old, new in known.roles.items()}, role: other}
            return Lesson(Adaptation(known.dropped, known.renamed, roles), f"with role {role} sent as {other}")
    return None


def _refuses_role(role: str, text: str) -> bool:
    told = re.search(rf"\b(?:input|received|got)\W{{1,4}}{role}\b", text, re.IGNORECASE)
    if told or _NO_INSTRUCTIONS.search(text):
        return True
    refusal = _ALLOWED_LIST.split(text, maxsplit=1)[0]
    named = re.search(rf"\b{role}\b", refusal, re.IGNORECASE)
    return named is not None and bool(_UNKNOWN.search(refusal) or re.search(r"\binvalid\b", refusal, re.IGNORECASE))


def _refused_parameter(text: str, body: JSONObject) -> str | None:
    """The sent parameter that the error calls unknown: its `param`, else the first such one in its text."""
    param = re.split(r"[.\[/]", _param_of(text).removeprefix("body."))[0]
    for name in body:
        if param in _names(name):
            return name if name not in _REQUIRED and _refuses(name, text) else None
    refusal = _EXPECTED.split(text, maxsplit=1)[0]  # what follows are names that the server does know
    found = {name: position for name in body if name not in _REQUIRED and (position := _refused_at(name, refusal)) >= 0}
    return min(found, key=found.__getitem__, default=None)


def _refused_at(name: str, text: str) -> int:
    """Where `text` calls the parameter unknown; -1 if it does not."""
    for mention in _mention(name).finditer(text):
        if _refuses(name, text[max(0, mention.start() - _NEAR) : mention.end() + _NEAR]):
            return mention.start()
    return -1


def _refuses(name: str, text: str) -> bool:
    """`text`, which speaks of the parameter, wants the request without it."""
    unknown, bad_value = bool(_UNKNOWN.search(text)), bool(_BAD_VALUE.search(text))
    if name in _DISPENSABLE:
        return unknown or bad_value
    return unknown and (not bad_value or bool(_ONLY_DEFAULT.search(text)))


def _names(name: str) -> tuple[str, ...]:
    """How servers call a parameter: `max_tokens`, `maxTokens`, `MaxTokens`."""
    pascal = "".join(word[:1].upper() + word[1:] for word in name.split("_"))
    spellings = (pascal, name[:1] + pascal[1:]) if "_" in name else ()
    return (*_ALIASES.get(name, (name,)), *spellings)


def _mention(name: str) -> re.Pattern[str]:
    """Matches the name of the parameter; one that is also a word, such as `stop`, only where it stands as a name."""
    names = f"(?:{'|'.join(map(re.escape, _names(name)))})"
    quoted = rf"(?<=['\"`]){names}(?=['\"`\\])"
    if len(name) <= 2:
        return re.compile(quoted)
    if not (name.isalpha() and name.islower()):
        return re.compile(rf"(?<![A-Za-z0-9_]){names}(?![A-Za-z0-9_])")
    before = rf"(?:^|[\"'`/.(\[]|: ?|\bsupport |\b{_NOUN}s? )"
    after = rf"(?=[\"'`,.;:)\[\]\\]|\s*$| (?:is|are|not|un\w+)\b| {_NOUN}\b)"
    return re.compile(rf"{quoted}|{before}{names}{after}|\b{names}(?= {_NOUN}\b)")


def _param_of(text: str) -> str:
    payload = parse_json(text.encode(errors="replace"))
    body = as_object(next(iter(as_list(payload)), None) or payload)
    return as_text(as_object(body.get("error")).get("param")) or as_text(body.get("param"))
