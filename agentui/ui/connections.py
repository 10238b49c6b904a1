"""From what a visitor chose in the settings to a model, and which key goes to which endpoint.

A key belongs to one base URL. It is used for that URL and for no other, whoever it belongs to: the visitor's own is
forgotten when the endpoint changes, the environment's goes to the environment's endpoint only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from agentui.demo import DemoModel
from agentui.endpoints import check_endpoint, normal_url
from agentui.errors import ConfigError
from agentui.models.base import Model
from agentui.models.openai_server import OpenAIServerModel
from agentui.models.presets import PRESETS
from agentui.settings import Settings
from agentui.ui.key import Key
from agentui.ui.visitors import Visitor

DEMO = "demo"
AGENT = "agent"
ENVIRONMENT = "environment"
CUSTOM = "custom"
_NO_URL = "no base URL: fill in the address of an OpenAI-compatible server, or choose a preset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An entry of the list of models."""

    name: str
    title: str
    base_url: str = ""
    model_ids: tuple[str, ...] = ()
    api_key_env: str | None = None


def offers(settings: Settings, own_model: Model | None = None) -> tuple[Offer, ...]:
    """What a visitor can choose from; the first is chosen when the page opens."""
    found = [Offer(name=DEMO, title="Demo (scripted, no key)")]
    if own_model is not None:
        found.insert(0, Offer(name=AGENT, title=f"This agent's model ({own_model.model_id})"))
    if url := settings.environment_url:
        models = (settings.openai_model,) if settings.openai_model else ()
        # Wherever it was configured: the environment and the options of `serve` both end up in the settings.
        title = f"This server's default ({urlsplit(url).netloc.rpartition('@')[2]})"
        entry = Offer(name=ENVIRONMENT, title=title, base_url=url, model_ids=models)
        found.insert(0 if models and own_model is None else len(found), entry)
    found += [
        Offer(
            name=preset.name,
            title=preset.title,
            base_url=preset.base_url,
            model_ids=tuple(preset.model_ids),
            api_key_env=preset.api_key_env,
        )
        for preset in PRESETS
    ]
    return (*found, Offer(name=CUSTOM, title="Another server"))


class Connections:
    """Makes models for visitors.

    Args:
        settings: Of the server.
        own_model: The model of the agent that the page was made for, if any.
        demo_model: Makes the model that needs no key.
    """

    def __init__(
        self, settings: Settings, own_model: Model | None = None, demo_model: Callable[[], Model] = DemoModel
    ) -> None:
        self.settings = settings
        self.offers: Sequence[Offer] = offers(settings, own_model)
        self._own_model = own_model
        self._demo_model = demo_model

    def offer(self, name: str) -> Offer:
        """The entry called `name`.

        Raises:
            ConfigError: There is none.
        """
        for offer in self.offers:
            if offer.name == name:
                return offer
        raise ConfigError(f"model preset {name!r} is not known: choose one of {', '.join(o.name for o in self.offers)}")

    async def model(
        self, name: str, base_url: str, model_id: str, key: str | None, sampling: Mapping[str, Any] | None = None
    ) -> Model:
        """The model for these choices.

        Args:
            name: Of the preset.
            base_url: Wins over the preset's; empty for the preset's.
            model_id: Empty for the preset's first.
            key: Given by the visitor for exactly this endpoint; None without one.
            sampling: Sent with every request: the temperature.

        Raises:
            ConfigError: Something is missing or not allowed; the message says what to do.
        """
        offer = self.offer(name)
        if offer.name in {DEMO, AGENT} and not base_url.strip():
            if sampling:
                raise ConfigError("the temperature of this model cannot be set: leave it empty, or choose a server")
            return self._own_model if offer.name == AGENT and self._own_model else self._demo(model_id)
        url = base_url.strip() or offer.base_url
        if not url:
            raise ConfigError(_NO_URL)
        model_id = model_id.strip() or next(iter(offer.model_ids), "")
        if not model_id:
            raise ConfigError("no model id: fill in the name by which the server knows the model")
        url, key = await self.endpoint(name, url, key)
        return OpenAIServerModel(model_id, url, key, **(sampling or {}))

    async def endpoint(self, name: str, base_url: str, key: str | None) -> tuple[str, str]:
        """The address of a server that may be asked, and the key that goes there, "" for none.

        Args:
            name: Of the preset.
            base_url: Wins over the preset's; empty for the preset's.
            key: As for `model`.

        Raises:
            ConfigError: There is no address, or it may not be used; the message says what to do.
        """
        offer = self.offer(name)
        url = base_url.strip() or offer.base_url
        if not url:
            raise ConfigError(_NO_URL)
        trusted = normal_url(url) in self._trusted()
        url = await check_endpoint(url, public_only=self.settings.shared and not trusted)
        return url, key if key is not None else self._own_key(offer, url)

    def _demo(self, pace: str) -> Model:
        """The model that needs no key; the demo has paces where others have models."""
        model = self._demo_model()
        return model.at(pace.strip()) if isinstance(model, DemoModel) else model

    def _trusted(self) -> set[str]:
        """Endpoints that the owner of this server chose."""
        own = self.settings.environment_url
        return {normal_url(own)} if own else set()

    def _own_key(self, offer: Offer, url: str) -> str:
        """The key that the owner of this server has for `url`; "" for none."""
        if normal_url(url) in self._trusted():
            return self.settings.openai_api_key or ""
        if not self.settings.shared and offer.api_key_env and normal_url(url) == normal_url(offer.base_url):
            return os.environ.get(offer.api_key_env, "")
        return ""


def keep_key(visitor: Visitor, base_url: str, typed: str) -> str | None:
    """Take a key that was typed for `base_url`, and say which key there is for it.

    A key for another endpoint is forgotten; one that was typed before there was an endpoint belongs to the first. No
    endpoint is not another one: a page that was left empty forgets nothing.
    """
    url = normal_url(base_url)
    if typed.strip():
        visitor.key = Key(url, typed.strip())
    elif visitor.key is not None and not visitor.key.base_url:
        visitor.key.base_url = url
    elif url and visitor.key is not None and visitor.key.base_url != url:
        visitor.key = None
    return visitor.key.secret if visitor.key and visitor.key.base_url == url else None


def key_for(visitor: Visitor, base_url: str, typed: str) -> str | None:
    """The key for an endpoint that is used beside the settings': nothing is kept, and nothing forgotten."""
    if typed.strip():
        return typed.strip()
    kept, url = visitor.key, normal_url(base_url)
    return kept.secret if kept is not None and url and kept.base_url == url else None


def preset_of(offer: Offer, base_url: str) -> str:
    """The entry that fits a base URL which stands beside `offer`: that offer, or any other server."""
    other = bool(base_url.strip()) and normal_url(base_url) != normal_url(offer.base_url)
    return CUSTOM if other else offer.name
