"""Who is asked before code runs, and what they have allowed in this run.

A run has one `Approval`, and so has every run of an agent that its code calls; these share what waits, what was
allowed and the clocks of the time limits, which stand still while anybody is asked. The gate is `settle`, on the run's
event loop: it records the question, waits and records the decision. A stop, or a message that cannot wait, ends the
wait like anything else.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from agentui.effects import COMPUTED
from agentui.errors import AgentError, ConfigError
from agentui.jsonable import clean_text
from agentui.steering_events import ApprovalDecided, ApprovalRequested, Effect, EffectKind
from agentui.threads import in_thread

Verdict: TypeAlias = Literal["approved", "edited", "rejected"]
NO_EFFECTS = "none"
"The pattern for code of which no effect is seen."
KINDS: tuple[EffectKind, ...] = get_args(EffectKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What somebody says about code that waits."""

    verdict: Verdict
    code: str | None = None
    "What is to run instead, if it was edited."
    reason: str | None = None
    "What the model is told, if it was rejected."
    allow: tuple[str, ...] = ()
    "What need not be asked about any more in this run: `kind what`, `kind *`, or `none` for code without effects."


Approver: TypeAlias = Callable[[ApprovalRequested], Any]
"""Decides about code, at once or as a coroutine: a `Decision`, True for yes, False for no. It may block."""
Approvals: TypeAlias = bool | Approver
"""Whether and whom to ask: False for nobody, True to wait for `Run.decide`."""


@dataclass(slots=True, eq=False)
class _Shared:
    """What the runs of called agents have in common with the run that calls them."""

    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    allowed: set[str] = field(default_factory=set[str])
    pending: dict[str, tuple[ApprovalRequested, asyncio.Future[Decision]]] = field(
        default_factory=dict[str, tuple[ApprovalRequested, "asyncio.Future[Decision]"]]
    )
    clocks: set[asyncio.Timeout] = field(default_factory=set[asyncio.Timeout])
    paused: dict[asyncio.Timeout, float] = field(default_factory=dict[asyncio.Timeout, float])
    "Seconds that each clock has left, while somebody is asked."
    asked: int = 0
    since: float = 0.0
    waited_s: float = 0.0


class Approval:
    """The approvals of a run.

    Args:
        asks: Whether and whom to ask.
        caller: The approvals of the run that calls this one's agent. If it asks, it is asked here too.

    Attributes:
        on: Whether code has to be approved.
    """

    def __init__(self, asks: Approvals = False, caller: Approval | None = None) -> None:
        asks = caller.asks if caller is not None and caller.on else asks
        self.asks: Approvals = asks
        self.on = asks is not False
        self._shared = caller._shared if caller is not None else _Shared()
        self._waited_before = self._waited_s()

    @property
    def waited_s(self) -> float:
        """Seconds since this was made that people, or functions in their place, took to decide."""
        return self._waited_s() - self._waited_before

    @property
    def waits(self) -> bool:
        """Whether code waits for `decide`, of this run or of one that has to do with it."""
        return bool(self._shared.pending)

    async def settle(
        self,
        emit: Callable[[Any], None],
        *,
        step: int,
        code: str,
        effects: tuple[Effect, ...],
        editable: bool = True,
    ) -> ApprovalDecided:
        """Have somebody decide about code, or see that all it does has been allowed; the records say which.

        Raises:
            AgentError: The function that was to decide failed, or did not decide.
        """
        request = ApprovalRequested(
            approval_id=f"approval_{next(self._shared.ids)}", step=step, code=code, effects=effects, editable=editable
        )
        automatic = is_allowed(effects, self._shared.allowed)
        if automatic:
            decision = Decision(verdict="approved")
        else:
            emit(request)
            with self._standing_still():
                decision = await (self._wait(request) if self.asks is True else self._call(request))
        self._shared.allowed.update(decision.allow)
        decided = ApprovalDecided(
            approval_id=request.approval_id,
            step=step,
            decision=decision.verdict,
            code=decision.code,
            reason=decision.reason,
            allowed=decision.allow,
            automatic=automatic,
        )
        emit(decided)
        return decided

    def decide(self, approval_id: str, decision: Decision) -> None:
        """Settle what waits; call it on the run's event loop.

        Raises:
            ConfigError: Nothing waits under this id, or the decision makes no sense for it.
        """
        request, waiting = self._shared.pending.get(approval_id, (None, None))
        if request is None or waiting is None or waiting.done():
            raise ConfigError(
                f"nothing waits for approval as {approval_id!r}: it has been decided, or its step is over"
            )
        waiting.set_result(_checked(decision, request))

    @contextmanager
    def timing(self, clock: asyncio.Timeout) -> Generator[None]:
        """Have `clock`, which has been entered, stand still while somebody is asked."""
        self._shared.clocks.add(clock)
        if self._shared.asked:
            self._pause(clock)
        try:
            yield
        finally:
            self._shared.clocks.discard(clock)
            self._shared.paused.pop(clock, None)

    async def _wait(self, request: ApprovalRequested) -> Decision:
        waiting: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._shared.pending[request.approval_id] = (request, waiting)
        try:
            return await waiting
        finally:
            del self._shared.pending[request.approval_id]

    async def _call(self, request: ApprovalRequested) -> Decision:
        if not callable(self.asks):
            raise AgentError("there is nobody to approve the code: give approval=True or a function")
        outcome = await in_thread(self.asks, request)
        if outcome.error is None and inspect.isawaitable(outcome.value):
            with outcome:
                outcome.value = await outcome.value
        if isinstance(outcome.error, asyncio.CancelledError):
            raise outcome.error
        if outcome.error is not None:
            said = f"{type(outcome.error).__name__}: {outcome.error}"
            raise AgentError(f"the function that approves code failed: {said}") from outcome.error
        answer = outcome.value
        if isinstance(answer, bool):
            answer = Decision(verdict="approved" if answer else "rejected")
        if not isinstance(answer, Decision):
            raise AgentError(f"the function that approves code returned {answer!r}: return a Decision, True or False")
        try:
            return _checked(answer, request)
        except ConfigError as error:
            raise AgentError(f"the function that approves code returned nonsense: {error}") from error

    @contextmanager
    def _standing_still(self) -> Generator[None]:
        shared = self._shared
        if not shared.asked:
            shared.since = _now()
            for clock in shared.clocks:
                self._pause(clock)
        shared.asked += 1
        try:
            yield
        finally:
            shared.asked -= 1
            if not shared.asked:
                shared.waited_s += _now() - shared.since
                for clock, left in shared.paused.items():
                    if not clock.expired():
                        clock.reschedule(_now() + left)
                shared.paused.clear()

    def _pause(self, clock: asyncio.Timeout) -> None:
        when = clock.when()
        if when is not None and not clock.expired():
            self._shared.paused[clock] = max(0.0, when - _now())
            clock.reschedule(None)

    def _waited_s(self) -> float:
        return self._shared.waited_s + (_now() - self._shared.since if self._shared.asked else 0.0)


def approval_of(own: Approvals, given: Approvals | Approval | None) -> Approval:
    """The approvals of a run that is about to start.

    Args:
        own: Whom its agent asks.
        given: Whom to ask instead; or the approvals of the run that calls the agent.
    """
    if isinstance(given, Approval):
        return Approval(own, given)
    return Approval(own if given is None else given)


def is_allowed(effects: Iterable[Effect], patterns: Iterable[str]) -> bool:
    """Whether code with these effects may run without anybody being asked: patterns name every one of them."""
    allowed, listed = frozenset(patterns), tuple(effects)
    if not listed:
        return NO_EFFECTS in allowed
    return all(
        is_nameable(effect) and (pattern(effect) in allowed or f"{effect.kind} *" in allowed) for effect in listed
    )


def is_nameable(effect: Effect) -> bool:
    """Whether an effect says enough for it to be allowed: what is computed, cut or another program can be anything."""
    if effect.kind in {"dynamic", "process"} or COMPUTED in effect.what:
        return False
    return effect.kind == "endless" or "…" not in effect.what


def pattern(effect: Effect) -> str:
    """The pattern that allows an effect."""
    return f"{effect.kind} {effect.what}"


def _checked(decision: Decision, request: ApprovalRequested) -> Decision:
    if decision.verdict not in get_args(Verdict):
        raise ConfigError(f"{decision.verdict!r} is no decision: say one of {', '.join(get_args(Verdict))}")
    code = decision.code
    if decision.verdict == "edited" and not request.editable:
        raise ConfigError("calls of tools cannot be edited: approve or reject them")
    if (decision.verdict == "edited") != (code is not None) or (code is not None and not code.strip()):
        raise ConfigError("an edit needs the code that is to run instead, and nothing else has one")
    for allowed in decision.allow:
        kind, _, what = allowed.partition(" ")
        if allowed != NO_EFFECTS and not (kind in KINDS and what):
            raise ConfigError(f"{allowed!r} allows nothing: say `kind what`, such as `import math`, `kind *` or `none`")
    reason = None if decision.reason is None else clean_text(decision.reason)
    return Decision(
        verdict=decision.verdict,
        code=None if code is None else clean_text(code),
        reason=reason if decision.verdict == "rejected" else None,
        allow=tuple(map(clean_text, decision.allow)),
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
