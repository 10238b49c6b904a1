import pytest

from agentui.ui.words import dollars, gist, humane, seconds, sentence, short, wait


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "check model_id and api_base (does it end in /v1?)",
            "check the model id and the base URL (does it end in /v1?)",
        ),
        ("an API key is needed; set api_key", "an API key is needed; set the key"),
        ("check that api_base is right", "check that the base URL is right"),
        ("the token limit is used up (7 of max_tokens=5): raise it", "the token limit is used up (7 of 5): raise it"),
        ("limit max_steps='0' is not a whole number", "limit '0' is not a whole number"),
        ("max_cost_usd needs a price: set max_tokens", "the limit US dollars needs a price: set the limit Tokens"),
        ("NameError: name 'api_base' is not defined", "NameError: name 'api_base' is not defined"),
        ("Traceback\n  max_tokens", "Traceback\n  max_tokens"),
        ("my_max_tokens_2 stays", "my_max_tokens_2 stays"),
    ],
)
def test_errors_name_the_fields_of_the_page(said, shown):
    assert humane(said) == shown


def test_the_gist_leaves_out_what_the_client_raised():
    assert gist("the connection broke: RemoteProtocolError: peer closed (x)") == "the connection broke"
    assert gist("429 from x: too many requests") == "429 from x: too many requests"


def test_numbers_have_the_digits_that_matter():
    assert [wait(s) for s in (0.02, 1.0374, 2.0, 9.96, 12.4)] == ["0.1 s", "1 s", "2 s", "10 s", "12 s"]
    assert [short(n) for n in (950, 9_100, 99_960, 128_000)] == ["950", "9.1k", "100k", "128k"]
    assert [dollars(x) for x in (0, 0.00001234, 0.0123, 0.5, 12.345)] == [
        "$0.00", "$0.000012", "$0.012", "$0.5", "$12.35",
    ]  # fmt: skip
    assert [seconds(s) for s in (60, 125)] == ["1 min", "2 min 5 s"]
    assert [sentence(text) for text in ("so it is", "Why?", "http://here answers")] == [
        "So it is.", "Why?", "http://here answers.",
    ]  # fmt: skip
