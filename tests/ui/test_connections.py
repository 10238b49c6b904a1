import pytest

from agentui.errors import ConfigError
from agentui.models.openai_server import OpenAIServerModel
from agentui.models.scripted import ScriptedModel
from agentui.settings import Settings
from agentui.ui.connections import Connections, keep_key
from agentui.ui.visitors import Visitor

LOCAL = "http://127.0.0.1:8101/v1"


def connections(**fields):
    return Connections(Settings(**fields), demo_model=lambda: ScriptedModel([], model_id="demo"))


def test_the_demo_comes_first_and_the_environment_where_it_is_configured():
    assert connections().offers[0].name == "demo"
    assert "environment" not in [offer.name for offer in connections().offers]
    assert "environment" in [offer.name for offer in connections(openai_api_key="k").offers]
    assert connections(openai_api_key="k", openai_model="m").offers[0].name == "environment"


async def test_the_demo_needs_nothing():
    assert (await connections().model("demo", "", "", None)).model_id == "demo"


async def test_a_base_url_wins_over_the_demo():
    model = await connections().model("demo", LOCAL, "m", None)
    assert isinstance(model, OpenAIServerModel)
    assert model.api_base == LOCAL


@pytest.mark.parametrize(
    ("name", "base_url", "model_id", "said"),
    [
        ("nonsense", "", "", "preset"),
        ("custom", "", "m", "no base URL"),
        ("custom", LOCAL, " ", "no model id"),
        ("custom", "ftp://x/v1", "m", "http"),
        ("custom", "http://[::1/v1", "m", "not a URL"),
        ("custom", "https://key@example.com/v1", "m", "take it out"),
        ("custom", "https://example.com/v1?key=1", "m", "leave that part out"),
    ],
)
async def test_what_is_missing_or_wrong_is_named(name, base_url, model_id, said):
    with pytest.raises(ConfigError, match=said):
        await connections().model(name, base_url, model_id, None)


async def test_a_shared_page_reaches_no_private_address_but_the_owners_own():
    shared = connections(share=True, openai_base_url=LOCAL, openai_model="m")
    with pytest.raises(ConfigError, match="not a public address"):
        await shared.model("custom", "http://127.0.0.1:9/v1", "m", None)
    assert (await shared.model("environment", "", "", None)).model_id == "m"


def test_a_key_belongs_to_one_endpoint():
    visitor = Visitor("v")
    assert keep_key(visitor, LOCAL, " secret ") == "secret"
    assert keep_key(visitor, LOCAL + "/", "") == "secret"
    assert keep_key(visitor, "https://elsewhere.example/v1", "") is None
    assert visitor.key is None


def test_a_key_typed_before_its_endpoint_goes_to_the_first_one():
    visitor = Visitor("v")
    keep_key(visitor, "", "secret")
    assert keep_key(visitor, LOCAL, "") == "secret"
    assert keep_key(visitor, "https://elsewhere.example/v1", "") is None
