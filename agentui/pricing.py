"""What tokens cost, and how large a model's context is, from the list that comes with the package `genai-prices`.

A price is shown with its source: the list, its version, and the newest date on which it says that a price was verified,
because it has no date of its own. What the server itself reports wins. A model that the list does not know costs
"unknown", never 0.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import version

from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, PriceCalculation

from agentui.usage import Cost, TokenUsage

_VERIFIED = re.compile(r"\b(?:verified|checked) (?:on )?(\d{4}-\d{2}-\d{2})")


def cost_of(usage: TokenUsage, model_id: str, server: str | None) -> Cost | None:
    """The cost of `usage`; None where nobody knows it.

    Args:
        usage: Tokens of one or more calls of one model.
        model_id: The model's name as its server knows it.
        server: The server's base URL; None for a model without one.
    """
    if usage.cost_usd is not None:
        return Cost(usd=usage.cost_usd, source="reported by the server")
    if server is None or _entry(model_id, server) is None:
        return None
    cached = min(usage.cached_input_tokens or 0, usage.input_tokens)
    price = _calculate(
        Usage(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, cache_read_tokens=cached),
        model_id,
        server,
    )
    if price is None:
        return None
    return Cost(usd=float(price.total_price), source=f"{_list_name()}, {price.provider.id}/{price.model.id}")


def context_window(model_id: str, server: str | None) -> int | None:
    """Tokens that the model reads at once; None where nobody knows it."""
    entry = None if server is None else _entry(model_id, server)
    return None if entry is None else entry.context_window


@cache
def _list_name() -> str:
    """The list with its version, and the newest date on which it says that a price was verified."""
    comments = (model.price_comments or "" for provider in get_snapshot().providers for model in provider.models)
    dates = [date for comment in comments for date in _VERIFIED.findall(comment)]
    dated = f" (prices verified until {max(dates)})" if dates else ""
    return f"genai-prices {version('genai-prices')}{dated}"


@cache
def _entry(model_id: str, server: str) -> ModelInfo | None:
    price = _calculate(Usage(input_tokens=1, output_tokens=1), model_id, server)
    return None if price is None else price.model


def _calculate(usage: Usage, model_id: str, server: str) -> PriceCalculation | None:
    try:
        return calc_price(usage, model_ref=model_id, provider_api_url=server)
    except LookupError:
        return None
