import pytest

from agentui.endpoints import check_endpoint, normal_url
from agentui.errors import ConfigError


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/v1",
        "http://127.1/v1",
        "http://2130706433/v1",
        "http://0x7f.1/v1",
        "http://localhost:8000/v1",
        "http://0.0.0.0/v1",
        "http://10.0.0.8/v1",
        "http://172.16.3.4/v1",
        "http://192.168.1.1/v1",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/v1",
        "http://[::1]/v1",
        "http://[::]/v1",
        "http://[fe80::1]/v1",
        "http://[fd00::1]/v1",
        "http://[::ffff:127.0.0.1]/v1",
        "http://[64:ff9b::7f00:1]/v1",
        "http://[2002:7f00:1::]/v1",
        "http://224.0.0.1/v1",
    ],
)
async def test_private_addresses_are_refused_in_every_spelling(url):
    with pytest.raises(ConfigError, match="not a public address"):
        await check_endpoint(url, public_only=True)


@pytest.mark.parametrize("url", ["http://1.1.1.1/v1", "https://[2606:4700:4700::1111]/v1"])
async def test_public_addresses_are_allowed(url):
    assert await check_endpoint(url, public_only=True) == url


async def test_an_unknown_host_is_named():
    with pytest.raises(ConfigError, match="nowhere.invalid"):
        await check_endpoint("https://nowhere.invalid/v1", public_only=True)


async def test_at_home_everything_goes():
    assert await check_endpoint(" http://LOCALHOST:8000/v1/ ", public_only=False) == "http://localhost:8000/v1"


def test_two_spellings_of_a_url_are_one():
    assert normal_url("HTTPS://API.example.com/v1/") == normal_url("https://api.example.com/v1")
    assert normal_url(" rubbish ") == "rubbish"
