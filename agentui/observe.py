"""Turn what happened in a step into what the model reads next.

Every failure becomes a text that says what to do about it, and the third identical one in a row ends the run: a
model that did not take the hint twice will not take it the twentieth time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agentui.ask import Reply
from agentui.errors import AgentError
from agentui.parse import CodeTags
from agentui.plain import plain_text
from agentui.prompts import render
from agentui.sandbox.base import SANDBOX_ERRORS, ExecError, ExecResult
from agentui.spec import AgentSpec

MAX_SAME_FAILURES = 3
TRUNCATED = "the model's answer was cut off at its token limit"
"How the error of a step begins whose answer was too long."
NO_TOOL_CALL = "the model's answer had no tool call"

Mistake: TypeAlias = Literal["empty", "truncated", "no_code"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a step leads to."""

    text: str
    error: str | None = None
    "For people: what went wrong, in a line or a traceback."


class Failures:
    """Notices a model that makes the same mistake again and again."""

    def __init__(self) -> None:
        self._last: object = None
        self._count = 0

    def count(self, failure: object) -> int:
        """How many times in a row `failure` has happened now; None is no failure."""
        self._count = 0 if failure is None else self._count + 1 if failure == self._last else 1
        self._last = failure
        return self._count

    def check(self, failure: object, what: str) -> bool:
        """Count `failure`; True if it is a repetition.

        Raises:
            AgentError: It happened `MAX_SAME_FAILURES` times in a row.
        """
        times = self.count(failure)
        self.give_up(times, what)
        return times > 1

    def give_up(self, times: int, what: str) -> None:
        """End the run if that is hopeless.

        Raises:
            AgentError: `what` happened `MAX_SAME_FAILURES` times in a row.
        """
        if times >= MAX_SAME_FAILURES:
            raise AgentError(f"the model made the same mistake {times} times in a row: {what}")


def mistake(reply: Reply, *, complete: bool) -> Mistake | None:
    """What is wrong with an answer; None if it has what it should have.

    Args:
        reply: The answer.
        complete: It has something to run, and that is not cut off.
    """
    if reply.finish_reason == "length" and not complete:
        return "truncated"
    if complete or reply.answer.code is not None:
        return None
    return "no_code" if reply.answer.thought else "empty"


def observe_mistake(kind: Mistake, reply: Reply, spec: AgentSpec, output_tokens: int | None) -> Observation:
    """Tell the model what was wrong with its answer."""
    native = "_native" if spec.native_tools and kind != "truncated" else ""
    text = render(
        f"{kind}{native}",
        opening=spec.tags.opening,
        closing=spec.tags.closing,
        tokens=output_tokens,
        in_code=reply.answer.code is not None,
    )
    said = {
        "empty": "the model's answer was empty",
        "truncated": f"{TRUNCATED} ({output_tokens} tokens): nothing was run",
        "no_code": NO_TOOL_CALL if spec.native_tools else "the model's answer had no code",
    }
    return Observation(text=text, error=said[kind])


def observe_calls(bad: Sequence[str], tags: CodeTags) -> Observation:
    """Tell the model which of its native calls mean no code."""
    text = render("bad_calls", calls=bad, opening=tags.opening, closing=tags.closing)
    return Observation(text=text, error=f"the model made a call that cannot be run: {'; '.join(bad)}")


def observe_rejection(what: str, reason: str | None) -> Observation:
    """Tell the model that somebody did not let `what` happen."""
    why = f": {reason}" if reason else ""
    return Observation(text=render("rejected", what=what, reason=reason), error=f"rejected by the user{why}")


def observe_result(
    result: ExecResult, printed: str, code: str, tags: CodeTags, *, max_characters: int, repeated: bool
) -> Observation:
    """Tell the model what its code did."""
    printed = plain_text(printed)
    parts = [shorten(printed.rstrip("\n"), max_characters)] if printed.strip() else []
    if result.value_repr is not None and not result.is_final:
        parts.append(f"Result: {shorten(plain_text(result.value_repr), max_characters)}")
    error = None
    if result.error is not None:
        error = _told(result.error)
        parts.append(shorten(error.rstrip("\n"), max_characters))
        if result.error.kind == "SyntaxError" and _cut_in_string(code):
            parts.append(render("cut_tag", closing=tags.closing))
    if result.state_lost:
        parts.append(render("state_lost"))
    if repeated:
        parts.append(render("repeated"))
    return Observation(text="\n".join(parts) or "The code ran and printed nothing.", error=error)


def _told(error: ExecError) -> str:
    """An error as its traceback; one that the sandbox made says what it is, not how the code felt it."""
    if error.traceback and error.kind not in SANDBOX_ERRORS:
        return error.traceback
    line = "" if error.line is None else f" It was at line {error.line}."
    return f"{error.kind}: {error.message}.{line}"


def shorten(text: str, limit: int) -> str:
    """`text` within `limit` characters: the middle goes, because the cause stands at the start or the end."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n… ({len(text) - 2 * half:,} characters left out) …\n{text[-half:]}"


def _cut_in_string(code: str) -> bool:
    last = code.rsplit("\n", 1)[-1]
    return last.count('"') % 2 == 1 or last.count("'") % 2 == 1
