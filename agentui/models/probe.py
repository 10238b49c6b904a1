"""A tiny request to a server, and in words what works there, or what is wrong and what to do about it.

It costs a few tokens and takes `PROBE_S` seconds at most for each of its requests. What the list of models says only
explains: a server may have none, and still answer. An address is never guessed with a key.
"""

from __future__ import annotations

import asyncio
import difflib
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from agentui.errors import (
    ConfigError,
    ModelAnswerEmpty,
    ModelConnectionError,
    ModelError,
    ModelHTTPError,
    ModelStreamBroken,
    ModelTimeout,
)
from agentui.messages import ChatMessage
from agentui.models.openai_server import OpenAIServerModel
from agentui.models.redact import public_url
from agentui.models.retry import Retries
from agentui.models.timing import Timeouts
from agentui.usage import TokenUsage

PROBE_S = 10.0
"Seconds for an answer."
CONNECT_S = 5.0
MAX_TOKENS = 16
_QUESTION = ChatMessage(role="user", content="Say hello.")
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was found out."""

    ok: bool
    summary: str
    "One clear line: that it works, or what is wrong and what to do."
    facts: tuple[str, ...] = ()
    "What else works, a short line each."
    models: tuple[str, ...] = field(default=(), repr=False)
    "What the server lists."


@dataclass(slots=True, kw_only=True)
class _Answer:
    """What came back."""

    pieces: int = 0
    first_s: float | None = None
    usage: TokenUsage | None = None


async def probe_server(model_id: str | None, api_base: str | None, api_key: str | None) -> Probe:
    """Ask a server for its models and, if one is named, for a few words of it; never raises for what is wrong there.

    Args:
        model_id: None to ask for the list only.
        api_base: Address of the API; None for OpenAI's, as `OpenAIServerModel` has it.
        api_key: As `OpenAIServerModel` takes it; "" for none.

    Raises:
        ConfigError: `api_base` is no http(s) address.
    """
    model = _model(model_id or "", api_base, api_key)
    try:
        listed = await _listed(model)
        if model_id is None or isinstance(listed, ModelConnectionError):
            return await _without_model(model, listed)
        try:
            return _works(model_id, await _asked(model), listed, has_key=bool(api_key))
        except ModelError as error:
            names = () if isinstance(listed, ModelError) else tuple(listed)
            return Probe(ok=False, summary=await _wrong(model, error, listed), models=names)
    finally:
        await model.aclose()


def _model(model_id: str, api_base: str | None, api_key: str | None) -> OpenAIServerModel:
    timeouts = Timeouts(connect_s=CONNECT_S, first_byte_s=PROBE_S, first_delta_s=PROBE_S, call_s=PROBE_S, tail_s=2.0)
    return OpenAIServerModel(
        model_id, api_base, api_key, timeouts=timeouts, retries=Retries(attempts=1), max_tokens=MAX_TOKENS
    )


async def _listed(model: OpenAIServerModel) -> list[str] | ModelError:
    try:
        return await model.list_models()
    except ModelError as error:
        return error


async def _asked(model: OpenAIServerModel) -> _Answer:
    answer = _Answer()
    started = time.monotonic()
    try:
        async with asyncio.timeout(PROBE_S), aclosing(model.stream([_QUESTION])) as deltas:
            async for delta in deltas:
                if delta.content or delta.reasoning or delta.tool_calls:
                    answer.pieces += 1
                    if answer.first_s is None:
                        answer.first_s = time.monotonic() - started
                answer.usage = delta.token_usage or answer.usage
    except ModelAnswerEmpty as error:
        if error.finish_reason != "length":
            raise
        answer.usage = error.token_usage
    except TimeoutError:  # of a server that says something now and then
        raise ModelTimeout(f"{model.model_id!r} at {model.server}: no whole answer within {PROBE_S:g} s") from None
    return answer


def _works(model_id: str, answer: _Answer, listed: Sequence[str] | ModelError, *, has_key: bool) -> Probe:
    names = () if isinstance(listed, ModelError) else tuple(listed)
    first = f"; the first text came after {_duration(answer.first_s)}" if answer.first_s is not None else ""
    reported = answer.usage is not None and answer.usage.source == "reported"
    return Probe(
        ok=True,
        summary=f"{model_id!r} answers{first}",
        facts=(
            "the key is accepted" if has_key else "no key was sent, and none is needed",
            _standing(model_id, names),
            "the answer streams" if answer.pieces > 1 else "too little came to see whether it streams",
            "token usage is reported"
            if reported
            else "token usage is not reported in full, so it will be estimated (≈)",
        ),
        models=names,
    )


def _standing(model_id: str, names: Sequence[str]) -> str:
    if not names:
        return "the server lists no models"
    if model_id not in names:
        return "the server answers to this name, though it does not list it"
    return (
        f"one of {len(names):,} models that the server lists" if len(names) > 1 else "the server lists no other model"
    )


async def _without_model(model: OpenAIServerModel, listed: Sequence[str] | ModelError) -> Probe:
    if isinstance(listed, ModelError):
        return Probe(ok=False, summary=await _wrong(model, listed, listed))
    names = ", ".join(listed[:5]) + (" …" if len(listed) > 5 else "")
    summary = (
        f"{model.server} answers, {len(listed):,} model{'' if len(listed) == 1 else 's'}{': ' if names else ''}{names}"
    )
    return Probe(ok=True, summary=summary, models=tuple(listed))


async def _wrong(model: OpenAIServerModel, error: ModelError, listed: Sequence[str] | ModelError) -> str:
    """What is wrong and what to do, in one line."""
    if isinstance(error, ModelTimeout):
        return (
            f"{model.server} was reached, but did not answer within {PROBE_S:g} s; "
            "it may be loading the model or be busy: try again"
        )
    if not (isinstance(error, ModelStreamBroken) or (isinstance(error, ModelHTTPError) and error.status in {404, 405})):
        return str(error)
    if isinstance(listed, ModelError):
        return await _wrong_path(model, error)
    if isinstance(error, ModelHTTPError) and error.status == 404:
        return f"{model.server} has no model {model.model_id!r}; {_offered(model.model_id, listed)}"
    return str(error)


def _offered(model_id: str, listed: Sequence[str]) -> str:
    if not listed:
        return "it lists none: check model_id with whoever runs it"
    close = difflib.get_close_matches(model_id, listed, n=_NAMED, cutoff=0.4) or listed[:_NAMED]
    return f"choose one that it lists as model_id, such as {', '.join(map(repr, close))}"


async def _wrong_path(model: OpenAIServerModel, error: ModelError) -> str:
    if urlsplit(model.api_base).path.rstrip("/").endswith("/v1"):
        return str(error)
    longer = f"{model.api_base.rstrip('/')}/v1"
    try:
        other = _model(model.model_id, longer, "")
    except ConfigError:
        return str(error)
    try:
        found = await _listed(other)
    finally:
        await other.aclose()
    there = not isinstance(found, ModelError) or (isinstance(found, ModelHTTPError) and found.status in {401, 403})
    what = f"{public_url(model.api_base)} is no such API; "
    if there:
        return f"{what}{public_url(longer)} is: put that into api_base"
    return f"{what}api_base most likely lacks /v1 at its end, or is the address of something else"


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
