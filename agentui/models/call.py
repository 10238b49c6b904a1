"""One HTTP request and its answer: opened, read within the limits, judged and counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import Any

import httpx2
import openai

from agentui.errors import ModelError
from agentui.messages import ChatMessageStreamDelta, FinishReason, MessageLike
from agentui.models.answer import AnswerReader
from agentui.models.body import BodyReader, NotAStream
from agentui.models.client import ClientPool
from agentui.models.hidden import Hidden
from agentui.models.http_errors import Place, connection_error, http_error, transport_reason
from agentui.models.problem import Problem
from agentui.models.sse import SSEEvent
from agentui.models.tap import Recording, Tap
from agentui.models.timing import TimeLimitPassed, Timeouts, Watchdog
from agentui.models.wire import JSONObject
from agentui.tokens import count_messages, count_tokens, load
from agentui.usage import TokenUsage, UsageSource

DRAIN_EVENTS = 64
"Events to read on for usage after our own cut or an error."
ERROR_DRAIN_S = 0.5
"For usage behind an error: most servers close at once, and nobody should wait to read what went wrong."
MESSAGE_CHARS = 1_000
REUSE_WAIT_S = 0.1
"For the end of a body whose `[DONE]` has come, so that its connection can serve the next call."


class Call:
    """One request.

    Attributes:
        streamed: A delta has been given out, so the request must not be sent again unseen.
    """

    def __init__(
        self,
        clients: ClientPool,
        body: JSONObject,
        options: Hidden[Mapping[str, Any]],
        *,
        place: Place,
        timeouts: Timeouts,
        messages: Sequence[MessageLike],
        stop_sequences: Sequence[str],
        tap: Tap | None = None,
    ) -> None:
        self._clients = clients
        self._body = body
        self._options = options
        self._place = place
        self._timeouts = timeouts
        self._messages = messages
        self._recording = Recording(tap, body, place.secrets.reveal())
        self._watchdog = Watchdog()
        self._started = self._watchdog.now()
        self._reader = AnswerReader(model_id=place.model_id, n=int(body.get("n") or 1), stop_sequences=stop_sequences)
        self._interruption: Problem | None = None
        self._draining = False
        self._drained = 0
        self._ended = False
        self.streamed = False

    async def stream(self) -> AsyncGenerator[ChatMessageStreamDelta, None]:
        """The deltas of the answer; the last one has its finish and its usage.

        Raises:
            ModelError: There is no answer.
        """
        async with AsyncExitStack() as stack:
            stack.callback(self._watchdog.close)
            client = await stack.enter_async_context(self._clients.lease())
            self._started = self._watchdog.now()  # the first client takes its time to be made
            stack.callback(self._recording.end)
            response = await self._open(client, stack)
            chunks = await stack.enter_async_context(aclosing(response.aiter_bytes()))
            batches = self._read(chunks, BodyReader(response.headers.get("content-type", "")))
            async for deltas in await stack.enter_async_context(aclosing(batches)):
                self.streamed = True
                for delta in deltas:
                    yield delta
            for delta in self._reader.close():
                self.streamed = True
                yield delta
            verdict = self._verdict()
            if isinstance(verdict, Problem):
                raise await self._error(verdict)
            self.streamed = True
            exact = self._ended or self._reader.finished or not self._reader.stopped
            yield ChatMessageStreamDelta(finish_reason=verdict, token_usage=await self._usage(exact=exact))
            await self._finish_body(chunks)

    async def _open(self, client: openai.AsyncOpenAI, stack: AsyncExitStack) -> httpx2.Response:
        limits = self._timeouts
        self._limit(self._started + limits.first_byte_s, f"no answer within {limits.first_byte_s:g} s")
        request = client.chat.completions.with_streaming_response.create(
            model=self._place.model_id, messages=[], stream=True, extra_body=self._body, **self._options.reveal()
        )
        self._recording.sent()
        try:
            response = (await self._watchdog.wait(stack.enter_async_context(request))).http_response
            self._recording.answered(response.status_code)
            return response
        except TimeLimitPassed as passed:
            raise await self._error(Problem.silent(str(passed))) from None
        except openai.APIStatusError as error:
            self._recording.answered(error.response.status_code)
            self._recording.add(error.response.content)
            raise http_error(error.response, self._place) from None  # its text and its frames hold the key
        except openai.APIConnectionError as error:
            raise connection_error(error, self._place, limits.connect_s) from None
        except httpx2.HTTPError as error:  # in the body of an error
            raise await self._error(Problem.broken(transport_reason(error, self._place))) from None

    async def _read(
        self, chunks: AsyncGenerator[bytes, None], body: BodyReader
    ) -> AsyncGenerator[list[ChatMessageStreamDelta], None]:
        """Batches of deltas until the answer is over; what interrupted it is left in `_interruption`."""
        reader = self._reader
        longest = self._timeouts.first_delta_s
        self._limit(self._started + longest, f"no first delta within {longest:g} s")
        progress = 0
        while not (self._ended or self._interruption or self._drained >= DRAIN_EVENTS):
            chunk = await self._next(chunks)
            for event in self._events(body, chunk):
                hidden = reader.stopped
                deltas = reader.read(event)
                if deltas and not hidden:
                    yield deltas
                self._drained += self._draining
                if reader.done:
                    break
            self._ended = reader.done or (chunk is None and self._interruption is None)
            if reader.progress != progress:
                progress = reader.progress
                self._move_limit()

    async def _next(self, chunks: AsyncGenerator[bytes, None]) -> bytes | None:
        """The next chunk; None where there is none, for whatever reason."""
        try:
            self._watchdog.check()
            chunk = await self._watchdog.wait(anext(chunks, None))
            self._recording.add(chunk or b"")
            return chunk
        except TimeLimitPassed as passed:
            self._interruption = Problem.silent(str(passed))
        except httpx2.HTTPError as error:
            self._interruption = Problem.broken(transport_reason(error, self._place))
        return None

    def _events(self, body: BodyReader, chunk: bytes | None) -> list[SSEEvent]:
        try:
            return body.close() if chunk is None else body.feed(chunk)
        except NotAStream as other:
            self._interruption = self._interruption or other.problem
            return []

    def _verdict(self) -> FinishReason | Problem | None:
        """How the answer ended. An interruption after its finish, or after our own cut, took nothing away."""
        if self._reader.problem is None and not (self._reader.finished or self._reader.stopped):
            return self._interruption or self._reader.verdict()
        return self._reader.verdict()

    def _move_limit(self) -> None:
        """Something new was said: how long the next thing may take."""
        limits, now = self._timeouts, self._watchdog.now()
        if self._reader.stopped or self._reader.problem is not None:
            if not self._draining:
                self._draining = True
                failed = self._reader.problem is not None
                self._limit(now + (min(limits.drain_s, ERROR_DRAIN_S) if failed else limits.drain_s), "")
        elif self._reader.finished:
            self._limit(now + limits.tail_s, "")
        else:
            self._limit(now + limits.silence_s, f"no new delta for {limits.silence_s:g} s")

    def _limit(self, limit: float, reason: str) -> None:
        whole = self._started + self._timeouts.call_s
        if limit > whole:
            limit, reason = whole, f"the call took longer than {self._timeouts.call_s:g} s"
        self._watchdog.set(limit, reason)

    async def _error(self, problem: Problem) -> ModelError:
        message = self._place.safe(f"{self._place}: {problem.message}", MESSAGE_CHARS)
        usage = await self._usage(exact=problem.complete)
        error = problem.error(message, partial=self._reader.partial, token_usage=usage)
        error.retryable = problem.retryable
        error.finish_reason = problem.finish_reason
        return error

    async def _usage(self, *, exact: bool) -> TokenUsage:
        """The server's numbers, and estimates for those it did not give (rules 9, 10)."""
        generated = self._reader.generated
        reported = self._reader.usage.settle(has_output=bool(generated))
        input_tokens, output_tokens = reported.input_tokens, reported.output_tokens
        known = (input_tokens is not None) + (output_tokens is not None)
        if known < 2:
            await load()
        if input_tokens is None:
            input_tokens = await asyncio.to_thread(count_messages, self._messages)
        if output_tokens is None:
            output_tokens = await asyncio.to_thread(count_tokens, generated)
        source: UsageSource = "estimated" if known == 0 else "reported" if known == 2 and exact else "mixed"
        return TokenUsage(
            input_tokens,
            output_tokens,
            cached_input_tokens=reported.cached_input_tokens,
            reasoning_tokens=reported.reasoning_tokens,
            source=source,
            cost_usd=reported.cost_usd,
        )

    async def _finish_body(self, chunks: AsyncGenerator[bytes, None]) -> None:
        """Read the rest of a body that is over, so that its connection can be used again."""
        if self._reader.done:
            self._watchdog.set(self._watchdog.now() + REUSE_WAIT_S, "")
            try:
                while (chunk := await self._watchdog.wait(anext(chunks, None))) is not None:
                    self._recording.add(chunk)
            except (TimeLimitPassed, httpx2.HTTPError):
                return
