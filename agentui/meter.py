"""Tokens of one model call while it streams: an estimate until the server has said its number."""

from __future__ import annotations

from agentui.messages import ChatMessageStreamDelta
from agentui.tokens import TokenCounter
from agentui.usage import TokenUsage


class UsageMeter:
    """Counts what one call has streamed so far.

    Attributes:
        input_tokens: Estimate of what the request costs.
        settled: True once the server's last word is in.
    """

    def __init__(self, input_tokens: int) -> None:
        self.input_tokens = input_tokens
        self._counter = TokenCounter()
        self._reported: TokenUsage | None = None
        self.settled = False

    def add(self, delta: ChatMessageStreamDelta) -> None:
        """Take the next delta of the call."""
        for text in (delta.content, delta.reasoning, *(call.arguments for call in delta.tool_calls or ())):
            if text:
                self._counter.add(text)
        if delta.token_usage is not None:
            self.report(delta.token_usage, final=delta.finish_reason is not None)

    def report(self, usage: TokenUsage, *, final: bool) -> None:
        """Take what the server, or the model layer on its behalf, said."""
        self._reported, self.settled = usage, self.settled or final

    def finish(self) -> None:
        """The answer has ended as it should: what was reported by now is the server's last word."""
        self.settled = self._reported is not None

    @property
    def counted(self) -> int:
        """Output tokens as counted here."""
        return self._counter.tokens

    def current(self) -> TokenUsage:
        """The best number known now; `source` tells how good it is."""
        counted = self._counter.tokens
        if self._reported is None:
            return TokenUsage(self.input_tokens, counted, source="estimated")
        if self.settled or self._reported.output_tokens >= counted:
            return self._reported
        return TokenUsage(
            self._reported.input_tokens or self.input_tokens,
            counted,
            cached_input_tokens=self._reported.cached_input_tokens,
            reasoning_tokens=self._reported.reasoning_tokens,
            source="mixed",
            cost_usd=self._reported.cost_usd,
        )
