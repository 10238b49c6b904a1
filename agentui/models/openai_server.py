"""`OpenAIServerModel`: one face over every server that speaks OpenAI's `/chat/completions`.

The raw bytes are read, because the client's own stream drops or dies on what many servers send. What is shown never
changes afterwards: before the first delta a failed call may be sent again, and says so first; after it a failure is
raised, with the partial text and the lower bound of its cost. Closing the stream closes the connection at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import httpx2
import openai
from PIL import Image

from agentui.errors import ModelError, ModelHTTPError, ModelStreamBroken, ModelTimeout
from agentui.messages import ChatMessage, ChatMessageStreamDelta, MessageLike, Retry, ToolSchema
from agentui.models.adapt import Memory, lesson_from
from agentui.models.base import Model
from agentui.models.call import Call
from agentui.models.client import ClientPool
from agentui.models.hidden import Hidden
from agentui.models.http_errors import Place, connection_error, http_error, transport_reason
from agentui.models.listing import LIST_S, model_ids, read_list
from agentui.models.redact import public_url
from agentui.models.request import ROLE_CONVERSIONS, request_body, wire_messages
from agentui.models.retry import Retries, reason_of
from agentui.models.settings import ServerSettings, split_options
from agentui.models.tap import current_tap
from agentui.models.timing import Timeouts
from agentui.models.wire import JSONObject, as_objects

_MEMORY = Memory()


class OpenAIServerModel(Model):
    """A model behind an OpenAI-compatible server.

    Args:
        model_id: The name that the server knows the model by.
        api_base: Address of the API, such as `http://localhost:8101/v1`. Without it `OPENAI_BASE_URL`, or OpenAI's.
        api_key: Without it `OPENAI_API_KEY`, but only if `api_base` is not given or is where that key belongs
            (`OPENAI_BASE_URL`, api.openai.com): no other server gets to see it, or `OPENAI_CUSTOM_HEADERS`. A key
            that is given comes before an `Authorization` in those.
        organization: OpenAI's header of that name. Without it `OPENAI_ORG_ID`, for the server that the key belongs to.
        project: OpenAI's header of that name. Without it `OPENAI_PROJECT_ID`, likewise.
        client_kwargs: Further arguments of `openai.AsyncOpenAI`. `timeout` in seconds stands for every silence
            allowed, `max_retries` for the retries.
        custom_role_conversions: Roles to send under another name.
        flatten_messages_as_text: Send texts instead of lists of text parts.
        timeouts: Limits in seconds.
        retries: How often a call that fails before its first delta is sent again.
        completion_kwargs: Sent with every request as they are (`temperature`, `max_tokens`, `top_k`, …); None leaves
            out what is sent otherwise, such as `stream_options=None` for a server that hangs on it. `extra_body`,
            `extra_headers` and `extra_query` are those of the openai client.

    Raises:
        ConfigError: `api_base` is no http(s) address, or an argument cannot be used.
    """

    on_wire = True

    def __init__(
        self,
        model_id: str,
        api_base: str | None = None,
        api_key: str | None = None,
        *,
        organization: str | None = None,
        project: str | None = None,
        client_kwargs: Mapping[str, Any] | None = None,
        custom_role_conversions: Mapping[str, str] | None = None,
        flatten_messages_as_text: bool = False,
        timeouts: Timeouts | None = None,
        retries: Retries | None = None,
        **completion_kwargs: Any,
    ) -> None:
        self.model_id = model_id
        settings = ServerSettings.resolve(api_base, api_key, client_kwargs or {}, timeouts, retries, completion_kwargs)
        self.api_base = self.server = public_url(settings.base_url)
        self.timeouts, self.retries = settings.timeouts, settings.retries
        self._place = Place(self.api_base, model_id, settings.secrets)
        self._roles = {**ROLE_CONVERSIONS, **(custom_role_conversions or {})}
        self._flatten = flatten_messages_as_text
        self._parameters, request_options = split_options(completion_kwargs, settings)
        self._request_options = Hidden(request_options)
        self._clients = ClientPool(
            api_key=settings.api_key,
            connect_s=settings.timeouts.connect_s,
            options=settings.client_arguments(organization, project),
        )

    def __repr__(self) -> str:
        return f"OpenAIServerModel(model_id={self.model_id!r}, api_base={self.server!r})"

    async def stream(
        self,
        messages: Sequence[MessageLike],
        stop_sequences: Sequence[str] | None = None,
        *,
        tools: Sequence[ToolSchema] | None = None,
    ) -> AsyncGenerator[ChatMessageStreamDelta, None]:
        """Stream the answer to `messages`; see `Model.stream`.

        Stop sequences are sent, and the visible answer is also cut before the first one here. A delta with `retry`
        comes before the wait for a retry, and with a wait of 0 where the request is sent again in another form.

        Raises:
            ModelHTTPError: The server refused the request.
            ModelConnectionError: The server cannot be reached.
            ModelTimeout: One of `timeouts` has passed.
            ModelStreamBroken: The stream broke, ended early or is no stream.
            ModelRefused: The server reported a failure in the stream.
            ModelAnswerEmpty: The answer is complete and has nothing in it.
            ConfigError: A message cannot be sent.
        """
        messages = list(messages)
        body = await self._body(messages, stop_sequences, tools)
        attempt, lessons = 1, 0
        while True:
            adapted = _MEMORY.recall(self.api_base, self.model_id).apply(body)
            call = self._call(adapted, messages, stop_sequences or ())
            try:
                async with aclosing(call.stream()) as deltas:
                    async for delta in deltas:
                        yield delta
                return
            except ModelError as error:
                if call.streamed:
                    raise
                change = self._learn(error, adapted)
                lessons += change is not None  # which are no failures of the server
                wait_s = 0.0 if change else self.retries.wait_s(error, attempt - lessons)
                if wait_s is None:
                    raise
                reason = f"{reason_of(error)}; sent again {change}" if change else reason_of(error)
                retry = Retry(attempt=attempt, wait_s=wait_s, reason=reason, usage=error.token_usage)
            yield ChatMessageStreamDelta(retry=retry)
            await asyncio.sleep(wait_s)
            attempt += 1

    async def list_models(self) -> list[str]:
        """Ids of the models that the server offers, in its order.

        Raises:
            ModelHTTPError: The server refused, or knows no such list.
            ModelConnectionError: The server cannot be reached.
            ModelTimeout: It took longer than `LIST_S`.
            ModelStreamBroken: What it sent is no list of models, or longer than `MAX_LIST_BYTES`.
        """
        headers = self._request_options.reveal().get("extra_headers")
        try:
            async with (
                asyncio.timeout(LIST_S),
                self._clients.lease() as client,
                client.models.with_streaming_response.list(timeout=LIST_S, extra_headers=headers) as response,
            ):
                return model_ids(await read_list(response.iter_bytes(), self._place), self._place)
        except TimeoutError:
            raise ModelTimeout(f"{self._place}: no list of models within {LIST_S:g} s; try again") from None
        except openai.APIStatusError as error:
            raise http_error(error.response, self._place) from None  # its text and its frames hold the key
        except openai.APIConnectionError as error:
            raise connection_error(error, self._place, self.timeouts.connect_s) from None
        except httpx2.HTTPError as error:
            reason = transport_reason(error, self._place)
            raise ModelStreamBroken(f"{self._place}: the list of models broke off: {reason}") from None

    async def aclose(self) -> None:
        """Close the connections that the running event loop keeps open; a call that runs goes on to its end."""
        await self._clients.aclose()

    def _call(self, body: JSONObject, messages: Sequence[MessageLike], stop_sequences: Sequence[str]) -> Call:
        return Call(
            self._clients,
            body,
            self._request_options,
            place=self._place,
            timeouts=self.timeouts,
            messages=messages,
            stop_sequences=stop_sequences,
            tap=current_tap(),
        )

    async def _body(
        self, messages: Sequence[MessageLike], stop_sequences: Sequence[str] | None, tools: Sequence[ToolSchema] | None
    ) -> JSONObject:
        if any(_has_pictures(message) for message in messages):  # encoding them takes long enough to be felt
            wire = await asyncio.to_thread(wire_messages, messages, roles=self._roles, flatten=self._flatten)
        else:
            wire = wire_messages(messages, roles=self._roles, flatten=self._flatten)
        parameters = {**self._parameters, "tools": list(tools)} if tools else self._parameters
        return request_body(self.model_id, wire, stop_sequences or (), parameters)

    def _learn(self, error: ModelError, sent: JSONObject) -> str | None:
        """Remember what a refusal of `sent` teaches; the result says what the next request changes, if anything."""
        if not isinstance(error, ModelHTTPError):
            return None
        known = _MEMORY.recall(self.api_base, self.model_id)
        lesson = lesson_from(error.status, error.body, sent, known)
        if lesson is None:
            return None
        _MEMORY.keep(self.api_base, self.model_id, lesson.adaptation)
        return lesson.change


OpenAIModel = OpenAIServerModel


def _has_pictures(message: MessageLike) -> bool:
    content = message.content if isinstance(message, ChatMessage) else message.get("content")
    return any(isinstance(part.get("image"), Image.Image) for part in as_objects(content))
