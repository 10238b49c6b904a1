"""Which server is asked, with which key and which parameters; and text that is none."""

import pytest

from agentui.cli import main
from agentui.cli.commands import build_parser
from agentui.cli.serve import with_connection
from agentui.errors import ConfigError
from agentui.settings import Settings
from agentui.testing import Reply, serve_chat
from agentui.usage import TokenUsage

ANSWER = ["<code>\nfinal_answer(17 * 23)\n</code>", TokenUsage(40, 9)]
SECRET = "sk-secret-of-mine"
pytestmark = pytest.mark.timeout(60)


def sent_key(agentui, server, *words):
    assert agentui("run", "task", "--model", "m", "--quiet", *words).stdout == "391\n"
    return server.requests[0].headers.get("authorization")


def test_another_server_does_not_get_the_key_of_the_environment(agentui, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    with serve_chat(ANSWER) as server:
        assert sent_key(agentui, server, "--base-url", server.base_url) is None


def test_the_server_of_the_environment_gets_its_key(agentui, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    with serve_chat(ANSWER) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        assert sent_key(agentui, server, "--base-url", server.base_url) == f"Bearer {SECRET}"


def test_a_named_key_is_sent_wherever_it_is_asked_for(agentui, monkeypatch):
    monkeypatch.setenv("MINE", SECRET)
    with serve_chat(ANSWER) as server:
        assert sent_key(agentui, server, "--base-url", server.base_url, "--api-key-env", "MINE") == f"Bearer {SECRET}"


def test_the_key_of_a_preset_stays_with_its_address(agentui, monkeypatch):
    monkeypatch.setenv("MOONSHOT_API_KEY", SECRET)
    with serve_chat(ANSWER) as server:
        assert sent_key(agentui, server, "--base-url", server.base_url, "--preset", "kimi") is None


REFUSED = [
    *(f"{name}=x" for name in ("api_key", "model_id", "api_base", "timeout", "timeouts", "retries", "client_kwargs")),
    *(f"{name}=x" for name in ("organization", "completion_kwargs", "model", "messages", "stream")),
    *(f"{name}=5" for name in ("extra_body", "extra_headers", "extra_query")),
    'extra_headers={"a": 1}',
    "temperature=NaN",
    "temperature=1e999",
    f"user={'[' * 100_000}",
    "hot",
]


@pytest.mark.parametrize("word", REFUSED, ids=lambda word: word[:30])
def test_what_cannot_be_set_is_one_clear_line_and_status_2(capsys, word):
    words = ["run", "t", "--base-url", "http://127.0.0.1:9", "--model", "m", "--set", word]
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("agentui: --set ")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    "words", [["run", "\udcff", "--json"], ["run", "t", "--preset", "\udcff"], ["replay", "\udcff"]]
)
def test_arguments_that_are_no_utf_8_do_no_harm(agentui, words):
    done = agentui(*words)
    assert done.returncode in {0, 2}
    assert "Traceback" not in done.stderr
    if done.returncode:
        assert (done.stdout, done.stderr.count("\n")) == ("", 1)


def test_messages_and_findings_with_foreign_text_cannot_steer_the_terminal(agentui):
    models = '{"data": [{"id": "gpt\\u001b[2J\\u009b2J-x"}]}'
    with serve_chat([Reply(200, models, {"content-type": "application/json"})]) as server:
        found = agentui("doctor", "--base-url", server.base_url)
    failed = agentui("run", "t", "--preset", "a\x1b[2Jb", "--model", "m")
    for text in (found.stdout, failed.stderr):
        assert not {"\x1b", "\x9b"} & set(text)


def served(*words):
    return with_connection(Settings.from_env(), build_parser().parse_args(["serve", *words]))


def test_the_page_opens_with_the_server_that_was_named(monkeypatch):
    monkeypatch.setenv("MINE", SECRET)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-server")
    settings = served("--base-url", "http://127.0.0.1:9/v1/", "--model", "m", "--api-key-env", "MINE")
    assert (settings.environment_url, settings.openai_model) == ("http://127.0.0.1:9/v1", "m")
    assert settings.openai_api_key == SECRET
    assert served("--base-url", "http://127.0.0.1:9/v1", "--model", "m").openai_api_key is None


def test_the_page_keeps_the_environment_where_only_a_model_was_named(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    settings = served("--model", "m")
    assert (settings.environment_url, settings.openai_model) == ("http://127.0.0.1:9/v1", "m")
    assert settings.openai_api_key == SECRET
    assert served() == Settings.from_env()


@pytest.mark.parametrize(
    "words", [["--model", "m"], ["--base-url", "no url", "--model", "m"], ["--api-key-env", "NOT_THERE"]]
)
def test_a_page_without_a_server_is_told_so(words):
    with pytest.raises(ConfigError):
        served(*words)
