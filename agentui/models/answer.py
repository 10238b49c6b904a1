"""Events of one answer to deltas: pure, incremental, and the same for every chunking.

Reasoning is told apart wherever a server puts it (rules 17 to 19, 23), text ends at the first stop sequence, and what
remains at the end is judged: complete, incomplete, empty or failed (rules 21, 26 to 28).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentui.messages import ChatMessageStreamDelta, FinishReason, ToolCall
from agentui.models.failures import Failure, failure_from, failure_in, finish_of, remark_in
from agentui.models.parts import NO_PARTS, Parts, parts_of
from agentui.models.problem import Problem
from agentui.models.sse import Done, ErrorField, Malformed, SSEEvent
from agentui.models.text import StopCutter, SurrogateJoiner
from agentui.models.tool_calls import MAX_TOOL_CALLS, ToolCallAssembler
from agentui.models.usage_merge import UsageLedger
from agentui.models.wire import JSONObject, as_object, as_objects, as_text
from agentui.think import Piece, ThinkSplitter
from agentui.usage import TokenUsage

MAX_ANSWER_CHARS = 4_000_000
"Text, reasoning and arguments together. A server that goes on for longer than that is broken, or worse."
ORPHAN_HOLD_CHARS = 2_000
_ORPHAN_MODELS = re.compile(r"minimax|\br1\b|qwq|think|reason", re.IGNORECASE)
_PINGS = frozenset({"ping", "heartbeat", "keepalive", "keep-alive", "keep_alive"})


class AnswerReader:
    """Reads the events of one answer.

    Args:
        model_id: As asked for; models known to leave out `<think>` get their first text held back a little.
        n: Answers asked for; only the first is read, the usage is everybody's.
        stop_sequences: Texts to end the visible answer at.

    Attributes:
        done: The server said that nothing follows.
        stopped: A stop sequence was found.
        progress: Grows with every event that said something new; keep-alives do not count.
    """

    def __init__(self, *, model_id: str = "", n: int = 1, stop_sequences: Sequence[str] = ()) -> None:
        self.usage = UsageLedger(n)
        self.done = False
        self.progress = 0
        self._n = n
        self._model_id = model_id
        self._model_named = False
        self._splitter: ThinkSplitter | None = None
        self._cutter = StopCutter(stop_sequences)
        self._joiners = {"content": SurrogateJoiner(), "reasoning": SurrogateJoiner()}
        self._calls = ToolCallAssembler()
        self._content: list[str] = []
        self._reasoned = False
        self._generated: list[str] = []
        self._generated_chars = 0
        self._finish_word = ""
        self._ended_by_usage = False
        self._message: JSONObject = {}
        self._problem: Problem | None = None
        self._remark: Failure | None = None
        self._understood = False

    @property
    def partial(self) -> str:
        """The visible text so far."""
        return "".join(self._content)

    @property
    def generated(self) -> str:
        """All that the model wrote, visible or not: what output tokens are estimated from."""
        return "".join(self._generated)

    @property
    def stopped(self) -> bool:
        """A stop sequence has ended the visible answer."""
        return self._cutter.stopped

    @property
    def finished(self) -> bool:
        """A finish reason has come; only usage can follow."""
        return bool(self._finish_word)

    @property
    def problem(self) -> Problem | None:
        """What the server itself said went wrong, so far."""
        return self._problem

    def read(self, event: SSEEvent) -> list[ChatMessageStreamDelta]:
        """The deltas of one event, usually one or none."""
        payload = event.payload
        if isinstance(payload, dict):
            return self._read_chunk(as_object(payload), event.name)
        match payload:
            case Done():
                self.done = True
            case ErrorField(value):
                self._fail(failure_from(value))
            case Malformed(reason, text):
                if event.name == "error":
                    self._fail(failure_from(text))
                elif event.name not in _PINGS and not _is_ping(text) and not self._finish_word:
                    self._note(Problem.decode(reason, understood=self._understood))
            case str() if event.name == "error":
                self._fail(failure_from(payload))
            case list():
                return [delta for chunk in as_objects(payload) for delta in self._read_chunk(chunk, event.name)]
            case _:
                pass  # null and other JSON say nothing
        return []

    def close(self) -> list[ChatMessageStreamDelta]:
        """The events have ended: what was held back, or the final message where no delta came (rule 20)."""
        deltas: list[ChatMessageStreamDelta] = []
        if self._message and not self._generated:
            deltas += self._emit(*parts_of(self._message), self._take_calls(self._message), None)
        lone = self._joiners["reasoning"].close()
        pieces = self._split(self._joiners["content"].close())
        if self._splitter is not None:
            pieces += self._splitter.close()
        content, reasoning = self._route(pieces)
        content += self._cutter.close()
        return deltas + self._delta(content, lone + reasoning, (), None)

    def verdict(self) -> FinishReason | Problem | None:
        """How the answer ended: a finish reason, None where a complete answer has none, or what went wrong."""
        if self._problem is not None:
            return self._problem
        word = "stop" if self.stopped else self._finish_word
        finish = finish_of(word, has_tool_calls=self._calls.count > 0) if word else None
        if isinstance(finish, Failure):
            return Problem.refused(finish)
        complete = finish is not None or self._ended_by_usage  # rule 26
        empty = not self._calls.count and not self.partial.strip()  # rule 27
        if self._remark is not None and (empty or not complete):
            return Problem.refused(self._remark)
        if not complete:
            return Problem.incomplete()
        return Problem.empty(finish, reasoned=bool(self._generated)) if empty else finish

    def _read_chunk(self, chunk: JSONObject, name: str) -> list[ChatMessageStreamDelta]:
        counted = self.usage.add(chunk)
        failed_before = self._problem is not None
        self._understood = True
        if not self._model_named and (named := as_text(chunk.get("model"))):
            self._model_named = True
            self._model_id = f"{self._model_id} {named}"
        reasoning, content = "", ""
        calls: tuple[ToolCall, ...] = ()
        choices = as_objects(chunk.get("choices"))
        for choice in choices:
            if failed_before or (self._n > 1 and choice.get("index")):
                continue  # text behind a hole, or behind an error, would look like an answer
            parts, more = self._read_choice(choice)
            reasoning, content, calls = reasoning + parts.reasoning, content + parts.content, calls + more
        failure = failure_in(chunk) or (failure_from(chunk) if name == "error" else None)
        self._fail(failure)
        self._remark = self._remark or remark_in(chunk)
        if counted and not choices:
            self._ended_by_usage = True
            self.progress += 1
        return self._emit(reasoning, content, calls, self.usage.live() if counted else None)

    def _read_choice(self, choice: JSONObject) -> tuple[Parts, tuple[ToolCall, ...]]:
        if word := as_text(choice.get("finish_reason")):  # rule 21: "" and null never overwrite
            self._finish_word = word
            self.progress += 1
        self._message = as_object(choice.get("message")) or self._message
        delta = as_object(choice.get("delta"))
        return (parts_of(delta), self._take_calls(delta)) if delta else (NO_PARTS, ())

    def _take_calls(self, delta: JSONObject) -> tuple[ToolCall, ...]:
        if legacy := as_object(delta.get("function_call")):
            return self._calls.feed([{"index": 0, "function": legacy}])
        return self._calls.feed(delta["tool_calls"]) if delta.get("tool_calls") else ()

    def _emit(
        self, reasoning: str, content: str, calls: tuple[ToolCall, ...], usage: TokenUsage | None
    ) -> list[ChatMessageStreamDelta]:
        if not (reasoning or content or calls):
            return []
        self.progress += 1
        self._ended_by_usage = False
        added = [reasoning, content, *(call.arguments for call in calls)]
        self._generated += added
        self._generated_chars += sum(map(len, added))
        if self._generated_chars > MAX_ANSWER_CHARS:
            self._note(Problem.endless(f"is longer than {MAX_ANSWER_CHARS:,} characters"))
        if self._calls.count > MAX_TOOL_CALLS:
            self._note(Problem.endless(f"holds more than {MAX_TOOL_CALLS:,} tool calls"))
        if reasoning:
            self._reasoned = True
            reasoning = self._joiners["reasoning"].feed(reasoning)
        more = ""
        if content:
            content, more = self._route(self._split(self._joiners["content"].feed(content)))
        return self._delta(content, reasoning + more, calls, usage)

    def _split(self, text: str) -> list[Piece]:
        if not text:
            return []
        if self._splitter is None:
            may_be_orphan = not self._reasoned and _ORPHAN_MODELS.search(self._model_id)
            self._splitter = ThinkSplitter(ORPHAN_HOLD_CHARS if may_be_orphan else 0)
        return self._splitter.feed(text)

    def _route(self, pieces: list[Piece]) -> tuple[str, str]:
        """Visible text, cut at the first stop sequence, and reasoning."""
        content, reasoning = "", ""
        for kind, text in pieces:
            if kind == "reasoning":
                reasoning += text
            else:  # shown text cannot be taken back: whoever folds the deltas finds the orphan tag in it
                content += self._cutter.feed("</think>" if kind == "recast" else text)
        return content, reasoning

    def _delta(
        self, content: str, reasoning: str, calls: tuple[ToolCall, ...], usage: TokenUsage | None
    ) -> list[ChatMessageStreamDelta]:
        if not (content or reasoning or calls):
            return []
        if content:
            self._content.append(content)
        return [
            ChatMessageStreamDelta(
                content=content or None, reasoning=reasoning or None, tool_calls=calls or None, token_usage=usage
            )
        ]

    def _fail(self, failure: Failure | None) -> None:
        if failure is not None:
            self._note(Problem.refused(failure))

    def _note(self, problem: Problem) -> None:
        """The first problem counts; after our own stop sequence nothing does."""
        if not self.stopped and self._problem is None:
            self._problem = problem
            self.progress += 1


def _is_ping(text: str) -> bool:
    """Some proxies put the word into the data."""
    return text.strip("[] \r\n").lower() in _PINGS
