import time
from email.utils import formatdate

import pytest

from agentui.errors import ModelConnectionError, ModelHTTPError, ModelRefused, ModelTimeout
from agentui.models.presets import PRESETS
from agentui.models.redact import one_line, plain_text, public_url, without_secrets
from agentui.models.retry import Retries, retry_after_s


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9),
        ({"retry-after": formatdate(0, usegmt=True)}, 0),
    ],
)
def test_what_the_server_asks_for(headers, seconds):
    assert retry_after_s(headers) == seconds


def test_a_date_is_a_time_from_now():
    assert 50 < retry_after_s({"retry-after": formatdate(time.time() + 60, usegmt=True)}) <= 60


def test_waits_grow_and_end():
    retries = Retries(attempts=4, base_s=1, max_wait_s=3)
    failed = ModelConnectionError("x")
    assert 0.75 <= retries.wait_s(failed, 1) <= 1
    assert 1.5 <= retries.wait_s(failed, 2) <= 2
    assert 2.25 <= retries.wait_s(failed, 3) <= 3
    assert retries.wait_s(failed, 4) is None


def test_what_is_not_worth_it():
    retries = Retries()
    refused = ModelRefused("x")
    assert retries.wait_s(refused, 1) is None
    assert retries.wait_s(ModelHTTPError("x", status=401), 1) is None
    assert retries.wait_s(ModelTimeout("x"), 1) is None
    assert retries.wait_s(ModelHTTPError("x", status=429, retry_after_s=61), 1) is None
    assert retries.wait_s(ModelHTTPError("x", status=429, retry_after_s=60), 1) == 60


def test_server_text_is_made_safe():
    assert one_line("a\n b\x1b[0m\u202e\ud800\tc", 100) == "a b[0m c"
    assert one_line("x" * 50, 10) == "x" * 9 + "…"
    assert plain_text("a\n\x00b\r", 100) == "a\nb"
    assert without_secrets("key sk-123 and sk-123", ["sk-123", "", "x"]) == "key [redacted] and [redacted]"
    assert public_url("https://user:pw@host:8/v1?key=1#x") == "https://host:8/v1"


def test_presets_are_known_addresses():
    names = [preset.name for preset in PRESETS]
    assert len(set(names)) == len(names)
    assert {"openai", "huggingface", "kimi", "openrouter", "ollama", "vllm", "llama.cpp", "lmstudio"} <= set(names)
    for preset in PRESETS:
        local = preset.base_url.startswith("http://localhost:")
        assert local is preset.is_local
        assert local or preset.base_url.startswith("https://")
        assert local or (preset.model_ids and preset.api_key_env.endswith(("_KEY", "_TOKEN")))
