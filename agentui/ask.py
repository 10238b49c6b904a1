"""One model request of a step: stream the answer into the step, split it, count it.

A stream that breaks in the middle is asked again, because nothing was run yet; the broken attempt stays in the
records with what it had said and cost. Failures before the first delta are retried by the model itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from agentui.budget import OpenCall
from agentui.calibration import CALIBRATION
from agentui.draft import StepDraft
from agentui.errors import ModelAnswerEmpty, ModelError
from agentui.events import (
    CodeDelta,
    ModelRetried,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UpstreamClosed,
    UsageUpdated,
)
from agentui.jsonable import clean_text
from agentui.messages import ChatMessage, ChatMessageStreamDelta, FinishReason, Retry, ToolCall
from agentui.meter import UsageMeter
from agentui.models.base import fold_deltas
from agentui.models.tap import tapped
from agentui.parse import Answer, AnswerParser, Piece
from agentui.runner import LimitReached
from agentui.sent import CallRecords
from agentui.spec import AgentSpec
from agentui.tokens import loaded
from agentui.usage import NO_USAGE, TokenUsage

MAX_RESTARTS = 2
RESTART_WAIT_S = 1.0
"Doubled for the second restart."
UPDATE_S = 0.1
"Least seconds between two live usage estimates."
_EVENTS = {"reasoning": ReasoningDelta, "text": TextDelta, "code": CodeDelta}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer and how it ended."""

    answer: Answer
    finish_reason: FinishReason | None
    tool_calls: tuple[ToolCall, ...] = ()


async def ask(draft: StepDraft, spec: AgentSpec, messages: Sequence[ChatMessage]) -> Reply:
    """Ask the model and stream its answer into `draft`.

    Args:
        draft: The running step; gets the answer, also when this raises, and one usage entry a call.
        spec: The agent.
        messages: The conversation.

    Raises:
        ModelError: The call failed for good.
        LimitReached: The budget is used up; the connection has been closed.
    """
    attempt = 1
    while True:
        call = _Call(draft, spec)
        try:
            return await call.stream(messages)
        except ModelError as error:
            if not (error.retryable and call.streamed and attempt <= MAX_RESTARTS):
                raise
            wait_s = RESTART_WAIT_S * 2 ** (attempt - 1)
            draft.run.emit(
                ModelRetried(
                    attempt=draft.ask_again(),
                    wait_s=wait_s,
                    reason=str(error),
                    usage=error.token_usage,
                    cost=None if error.token_usage is None else draft.budget.price(error.token_usage),
                    partial=error.partial,
                )
            )
            await asyncio.sleep(wait_s)
        attempt += 1


class _Call:
    """One request."""

    def __init__(self, draft: StepDraft, spec: AgentSpec) -> None:
        self._draft = draft
        self._spec = spec
        self._budget = draft.budget
        self._paid = OpenCall(draft.budget)
        self._model = spec.model
        self._emit = draft.run.emit
        prose = spec.native_tools or draft.kind == "planning"
        self._parser = AnswerParser(None if prose else spec.tags)
        self._finish_reason: FinishReason | None = None
        self._next_update = 0.0
        self._limit_noticed_s: float | None = None
        self._resent_s = 0.0
        "Until then the model waits to send a failed request again."
        self._tool_deltas: list[ChatMessageStreamDelta] = []
        self.streamed = False

    async def stream(self, messages: Sequence[ChatMessage]) -> Reply:
        stop = (
            [self._spec.tags.closing] if self._draft.kind == "action" and "`" not in self._spec.tags.closing else None
        )
        sent = self._draft.sent
        sent.take(messages)
        counting = asyncio.create_task(sent.count())
        meter = UsageMeter(sent.estimate())
        counting.add_done_callback(partial(_take_count, meter))
        usage: TokenUsage | None = None
        limited = self._paid.limited and not self._model.free
        if limited or loaded():  # else the table is built while the server works on its first delta
            meter.input_tokens = await counting
        if limited:
            self._budget.check_request(meter.input_tokens)
        try:
            async with aclosing(self._deltas(messages, stop)) as deltas:
                async for delta in deltas:
                    self._take(delta, meter)
            meter.input_tokens = await counting
            meter.finish()
            usage = self._usage(meter)
        except ModelAnswerEmpty as error:  # a mistake of the model, which it can be told about
            usage, self._finish_reason = error.token_usage, error.finish_reason
        except ModelError as error:
            usage = error.token_usage
            raise
        except BaseException as error:  # leaving `aclosing` has closed the connection by now
            if self._draft.run.elapsed() < self._resent_s:  # nothing is under way
                raise
            usage = self._usage(meter)
            if usage is not None and isinstance(error, asyncio.CancelledError | LimitReached):
                self._emit(UpstreamClosed(step=self._draft.number, after_s=self._since_stop(), usage=usage))
            raise
        finally:
            self._settle(usage, meter)
        calls = fold_deltas(self._tool_deltas).tool_calls
        return Reply(answer=self._draft.answer, finish_reason=self._finish_reason, tool_calls=calls)

    def _usage(self, meter: UsageMeter) -> TokenUsage | None:
        """What the call has cost; None where it is none."""
        return None if self._model.free else meter.current()

    async def _deltas(
        self, messages: Sequence[ChatMessage], stop: Sequence[str] | None
    ) -> AsyncGenerator[ChatMessageStreamDelta, None]:
        """The model's stream; tools are passed only where they are used, so that plain models need not know of them."""
        model = self._spec.model
        native = self._spec.native_tools and self._draft.kind == "action"
        tools = [tool.as_schema() for tool in self._spec.offered_tools()] if native else None
        records = CallRecords(self._emit, self._draft.sent, self._draft.number)
        if not model.on_wire:
            records.asked({"tools": tools} if tools else {"stop": stop} if stop else {})
        with tapped(records):
            stream = model.stream(messages, tools=tools) if native else model.stream(messages, stop)
            async with aclosing(stream) as deltas:
                async for delta in deltas:
                    yield delta

    def _take(self, delta: ChatMessageStreamDelta, meter: UsageMeter) -> None:
        if delta.retry is not None:
            self._take_retry(delta.retry)
            return
        self._resent_s = 0.0
        if delta.content or delta.reasoning or delta.tool_calls:
            self._draft.mark_first_delta()
            self.streamed = True
        if delta.reasoning:
            self._show(self._parser.feed_reasoning(delta.reasoning))
        if delta.content:
            self._show(self._parser.feed(delta.content))
        if delta.tool_calls:
            self._take_calls(delta)
        self._finish_reason = delta.finish_reason or self._finish_reason
        meter.add(delta)
        self._watch(meter)

    def _take_retry(self, retry: Retry) -> None:
        """The model asks again: nothing is billed until the next request is sent."""
        usage = retry.usage
        cost = None if usage is None else self._budget.price(usage)
        number = self._draft.ask_again()
        self._emit(ModelRetried(attempt=number, wait_s=retry.wait_s, reason=retry.reason, usage=usage, cost=cost))
        self._resent_s = self._draft.run.elapsed() + retry.wait_s
        if usage is not None:
            self._draft.add_usage(usage, cost)
            self._budget.spend(usage.total_tokens, cost.usd if cost else 0.0)
            self._limit_noticed_s = self._draft.run.elapsed()
            self._budget.check()
            self._limit_noticed_s = None

    def _take_calls(self, delta: ChatMessageStreamDelta) -> None:
        self._tool_deltas.append(delta)
        if self._spec.stream_outputs:
            for call in delta.tool_calls or ():
                if call.arguments:
                    self._emit(ToolCallDelta(call_id=call.call_id, name=call.name, text=clean_text(call.arguments)))

    def _watch(self, meter: UsageMeter) -> None:
        now = self._draft.run.elapsed()
        due = now >= self._next_update
        counted = loaded() and (due or self._paid.limited)  # a stop does not wait for the table either
        if self._model.free or not counted:
            return
        usage = meter.current()
        if due:
            self._next_update = now + UPDATE_S
            if self._spec.stream_outputs:
                self._report(usage, meter, settled=False)
        if meter.settled:  # nothing is left to cut
            return
        self._limit_noticed_s = now
        self._paid.grow(usage, exact=due)
        self._limit_noticed_s = None

    def _report(self, usage: TokenUsage, meter: UsageMeter, *, settled: bool) -> None:
        exact = usage.source == "reported"
        self._emit(
            UsageUpdated(
                step=self._draft.number,
                usage=usage,
                cost=self._budget.price(usage),
                margin=None if exact else CALIBRATION.margin(self._model.server, self._model.model_id),
                counted_output_tokens=meter.counted if settled and exact else None,
                settled=settled,
            )
        )

    def _since_stop(self) -> float:
        run = self._draft.run
        most = self._budget.seconds_left
        time_up = None if most is None else most + run.approval.waited_s
        asked = (run.stop_requested_s, run.mailbox.cut_at, self._limit_noticed_s, time_up)
        moment = next((moment for moment in asked if moment is not None), run.elapsed())
        return round(max(0.0, run.elapsed() - moment), 6)

    def _settle(self, usage: TokenUsage | None, meter: UsageMeter) -> None:
        self._show(self._parser.close())
        self._draft.answer = self._parser.answer
        self._draft.mark_model_finished()
        if usage is None:
            self._paid.settle(NO_USAGE, None)
            return
        cost = self._budget.price(usage)
        self._paid.settle(usage, cost)
        self._draft.add_usage(usage, cost)
        self._report(usage, meter, settled=True)
        if usage.source == "reported":
            server, name = self._model.server, self._model.model_id
            CALIBRATION.observe(server, name, estimated=meter.counted, reported=usage.output_tokens)

    def _show(self, pieces: list[Piece]) -> None:
        if self._spec.stream_outputs:
            for kind, text in pieces:
                self._emit(_EVENTS[kind](text=text))


def _take_count(meter: UsageMeter, counting: asyncio.Task[int]) -> None:
    if not counting.cancelled() and counting.exception() is None:
        meter.input_tokens = counting.result()
