import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentui.models.usage_merge import Reported, UsageLedger


def settle(*chunks, n=1, has_output=True):
    ledger = UsageLedger(n)
    for chunk in chunks:
        ledger.add(chunk)
    return ledger.settle(has_output=has_output)


def usage(prompt=None, completion=None, total=None, **more):
    named = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total, **more}
    return {"choices": [], "usage": {name: value for name, value in named.items() if value is not None}}


def counts(reported):
    return reported.input_tokens, reported.output_tokens


def test_nothing_reported_is_none_and_not_zero():
    assert settle() == Reported()
    assert settle({"usage": None}, {"usage": {}}, {}) == Reported()


@pytest.mark.parametrize(
    "later",
    [
        usage(),
        {"usage": None},
        usage(0, 0, 0),
        usage(total=0),
        {"usage": {"prompt_tokens": None}},
        usage(-5, -1),
        {"usage": {"prompt_tokens": float("nan"), "completion_tokens": float("inf")}},
        {"usage": {"prompt_tokens": True, "completion_tokens": [1]}},
    ],
)
def test_what_says_nothing_never_overwrites(later):
    assert counts(settle(usage(9, 38, 47), later)) == (9, 38)


def test_the_last_positive_number_wins_field_by_field():
    assert counts(settle(usage(25, 1, 26), usage(0, 38, 38))) == (25, 38)
    assert counts(settle(usage(41, 0, 41), usage(41, 7, 48), usage(41, 42, 83))) == (41, 42)


def test_numbers_in_odd_clothes():
    assert counts(settle(usage("9", 38.0))) == (9, 38)
    assert counts(settle({"usage": {"input_tokens": 9, "output_tokens": 38}})) == (9, 38)
    assert counts(settle(usage("many", 10**30))) == (None, None)


class TestPlaces:
    def test_one_place_counts(self):
        copy = {"prompt_tokens": 201, "completion_tokens": 58, "total_tokens": 259}
        chunk = {"choices": [{"usage": copy}], "usage": copy, "x_groq": {"usage": copy}}
        assert counts(settle(chunk, {"choices": [], "usage": copy})) == (201, 58)

    def test_a_place_that_says_nothing_leaves_it_to_the_next(self):
        own = {"prompt_tokens": 9, "completion_tokens": 3}
        assert counts(settle({"usage": {}, "choices": [{"usage": own}]})) == (9, 3)
        assert counts(settle({"usage": {"total_tokens": 0}, "x_groq": {"usage": own}})) == (9, 3)

    def test_the_top_wins_wherever_it_comes(self):
        own = {"prompt_tokens": 1, "completion_tokens": 1}
        assert counts(settle(usage(9, 3), {"choices": [{"usage": own}]})) == (9, 3)

    def test_several_answers_share_their_prompt(self):
        chunks = [
            {"choices": [{"index": index, "usage": {"prompt_tokens": 19, "completion_tokens": count}}]}
            for index, count in ((0, 5), (1, 7), (0, 13))
        ]
        assert counts(settle(*chunks, n=2)) == (19, 20)
        assert counts(settle(*chunks, usage(19, 20), n=2)) == (19, 20)


class TestParts:
    @pytest.mark.parametrize(
        "more",
        [
            {"prompt_tokens_details": {"cached_tokens": 64}},
            {"cached_tokens": 64},
            {"prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 1},
            {"prompt_tokens_details": {"cached_tokens": 64}, "cached_tokens": 3},
            {"prompt_tokens_details": {"cached_tokens": None}, "cached_tokens": 64},
            {"prompt_tokens_details": None, "cached_tokens": 64},
        ],
    )
    def test_cached(self, more):
        reported = settle(usage(83, 5, **more))
        assert (reported.input_tokens, reported.cached_input_tokens) == (83, 64)

    def test_cached_of_llama_cpp(self):
        assert settle({**usage(83, 5), "timings": {"cache_n": 60, "prompt_n": 23}}).cached_input_tokens == 60

    def test_a_reported_zero_is_a_zero(self):
        reported = settle(usage(8, 5, prompt_tokens_details={"cached_tokens": 0}, reasoning_tokens=0))
        assert (reported.cached_input_tokens, reported.reasoning_tokens) == (0, 0)
        assert settle(usage(8, 5, prompt_tokens_details={})).cached_input_tokens is None

    @pytest.mark.parametrize(
        "more", [{"completion_tokens_details": {"reasoning_tokens": 15}}, {"reasoning_tokens": 15}]
    )
    def test_reasoning(self, more):
        assert settle(usage(8, 50, **more)).reasoning_tokens == 15

    def test_more_reasoning_than_output_is_left_as_it_is(self):
        reported = settle(usage(8, 10, 18, reasoning_tokens=11))
        assert (reported.output_tokens, reported.reasoning_tokens) == (10, 11)

    def test_cost(self):
        assert settle(usage(8, 5, cost=0.25)).cost_usd == 0.25
        assert settle(usage(8, 5, cost_in_usd_ticks=1_466_250)).cost_usd == pytest.approx(0.000146625)
        assert settle(usage(8, 5, cost=0.25), usage(8, 5, cost=0)).cost_usd == 0.25
        assert settle(usage(8, 5, cost=0)).cost_usd == 0
        assert settle(usage(8, 5, cost="much")).cost_usd is None


class TestArithmetic:
    @pytest.mark.parametrize(
        ("chunk", "output", "reasoning"),
        [
            (usage(12, 1, 303, reasoning_tokens=290), 291, 290),  # xAI
            (usage(20, 38, 110), 90, 52),  # Gemini
            (usage(20, None, 110), 90, None),
            (usage(20, 0, 110), 90, 90),
            (usage(20, 38, 58), 38, None),
            (usage(20, 38, 40), 38, None),
            (usage(20, 38, 110, reasoning_tokens=5), 38, 5),
            (usage(20, 38, 110, reasoning_tokens=0), 38, 0),
            (usage(20, 38, 58, reasoning_tokens=30), 38, 30),
        ],
    )
    def test_output(self, chunk, output, reasoning):
        reported = settle(chunk)
        assert (reported.input_tokens, reported.output_tokens, reported.reasoning_tokens) == (
            chunk["usage"]["prompt_tokens"],
            output,
            reasoning,
        )

    def test_no_prompt_is_empty(self):
        assert counts(settle(usage(0, 44, 44))) == (None, 44)
        assert counts(settle(usage(None, 44, 101))) == (57, 44)

    def test_zeros_beside_an_answer_were_not_counted(self):
        assert counts(settle(usage(0, 0, 0))) == (None, None)
        assert counts(settle(usage(57, 0, 57))) == (57, None)
        assert counts(settle(usage(57, 0, 57), has_output=False)) == (57, 0)


def test_live_numbers_need_both_sides():
    ledger = UsageLedger()
    ledger.add(usage(57, 0, 57))
    assert ledger.live() is None
    ledger.add(usage(57, 4, 61))
    live = ledger.live()
    assert (live.input_tokens, live.output_tokens, live.source) == (57, 4, "reported")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = ["prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "reasoning_tokens", "cost",
         "prompt_tokens_details", "completion_tokens_details"]  # fmt: skip


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), JSON | st.integers(-5, 100)), max_size=5))
def test_whatever_comes_the_numbers_are_sane(usages):
    reported = settle(*({"usage": usage} for usage in usages))
    for value in (reported.input_tokens, reported.output_tokens, reported.cached_input_tokens):
        assert value is None or (isinstance(value, int) and value >= 0)
    json.dumps(reported.cost_usd, allow_nan=False)
