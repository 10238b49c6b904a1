"""What a run has cost, as rows, as a table for people, as CSV and in the terminal."""

import csv
import io
import re

import pytest
from builders import records, started, step_finished
from hypothesis import given
from hypothesis import strategies as st

from agentui.agent import CodeAgent
from agentui.calibration import MAX_MODELS, Calibration
from agentui.cli.terminal import Terminal
from agentui.events import ModelRetried, RunFinished, RunStarted, StepFinished, StepStarted, Timing, UsageUpdated
from agentui.export import as_markdown
from agentui.ledger import total_cost, usage_rows
from agentui.pricing import cost_of
from agentui.testing import FakePool, ScriptedModel
from agentui.usage import Cost, TokenUsage, sum_usage
from agentui.usage_csv import as_usage_csv
from agentui.usage_table import usage_notes, usage_table
from agentui.view import fold

OPENAI = "https://api.openai.com/v1"
REPORTED = TokenUsage(1200, 100, cached_input_tokens=1000, reasoning_tokens=40)
GUESSED = TokenUsage(1400, 50, source="estimated")
COST = Cost(usd=0.0021, source="list")


def a_step(number, usage, cost, **live):
    timing = Timing(started=1.0, first_delta=1.5, model_finished=3.5, finished=4.0)
    return [
        StepStarted(step=number),
        UsageUpdated(step=number, usage=usage, cost=cost, settled=True, **live),
        StepFinished(step=number, usage=usage, cost=cost, timing=timing),
    ]


def a_run(*, end=True):
    steps = [
        *a_step(1, REPORTED, COST, counted_output_tokens=104),
        *a_step(2, GUESSED, None, margin=0.09),
    ]
    total = sum_usage([REPORTED, GUESSED])
    ended = [RunFinished(status="stopped", usage=total, cost=None, duration_s=5.0)] if end else []
    return records(RunStarted(task="t", model="m|x", context_tokens=128_000, agentui_version="0"), *steps, *ended)


def test_a_row_says_how_good_the_estimate_was_and_how_fast_the_model_wrote():
    exact, guess = usage_rows(fold(a_run()))
    assert (exact.estimate_error, exact.margin) == (pytest.approx(0.04), None)
    assert (exact.first_delta_s, exact.tokens_per_s) == (0.5, 50.0)
    assert (guess.estimate_error, guess.margin) == (None, 0.09)


def test_the_context_now_is_another_number_than_what_is_billed():
    view = fold(a_run())
    assert (view.context, view.context_window) == (GUESSED, 128_000)
    assert view.usage.total_tokens == 2750
    assert usage_notes(view)[0] == "Context now ≈1,450 of 128,000 tokens"


def test_the_context_is_that_of_the_run_s_own_agent_and_survives_a_failed_attempt():
    first = a_step(1, REPORTED, COST)
    lost = [StepStarted(step=2), ModelRetried(attempt=1, wait_s=0, reason="lost", usage=GUESSED)]
    assert fold(records(started(), *first, *lost)).context == REPORTED
    assert fold(records(started())).context is None


def test_the_table_marks_estimates_and_says_what_is_unknown():
    heads, exact, guess, total = usage_table(fold(a_run()))
    by_name = [dict(zip(heads, row, strict=True)) for row in (exact, guess, total)]
    assert by_name[0] == {
        "Step": "1",
        "Model": "m|x",
        "Input": "1,200",
        "Cached": "1,000",
        "Output": "100",
        "Estimate": "≈104 → 100, +4.0%",
        "Reasoning": "40",
        "Total": "1,300",
        "Source": "reported",
        "First delta": "0.50 s",
        "Tok/s": "50",
        "Cost": "$0.0021",
    }
    assert [by_name[1][name] for name in ("Input", "Cached", "Output", "Source", "Tok/s", "Cost")] == [
        "≈1,400",
        "–",
        "≈50 ±9%",
        "estimated",
        "≈25",
        "unknown",
    ]
    assert (by_name[2]["Step"], by_name[2]["Model"], by_name[2]["Total"]) == ("Total", "2 calls", "≈2,750")
    assert (by_name[2]["Source"], by_name[2]["Cost"]) == ("mixed", "unknown")
    assert usage_table(fold(records(started()))) == []


def test_the_csv_has_plain_numbers_and_marks_estimates_beside_them():
    exact, guess = csv.DictReader(io.StringIO(as_usage_csv(fold(a_run()))))
    assert (exact["input_tokens"], exact["estimate_error"], exact["tokens_per_s"]) == ("1200", "0.0400", "50.0")
    assert (exact["cost_usd"], exact["cost_source"]) == ("0.0021", "list")
    assert (guess["input_tokens"], guess["total_tokens"], guess["margin"]) == ("1400", "1450", "0.0900")
    assert (guess["cost_usd"], guess["cost_source"], guess["cached_input_tokens"]) == ("", "unknown", "")
    assert (guess["cost_usd_estimated"], guess["cached_input_tokens_estimated"], guess["estimate_error"]) == (
        "",
        "",
        "",
    )
    for name in ("input_tokens", "output_tokens", "total_tokens", "tokens_per_s"):
        assert (exact[f"{name}_estimated"], guess[f"{name}_estimated"]) == ("False", "True"), name
        assert float(guess[name]) > 0
    assert exact["cost_usd_estimated"] == "False"


@pytest.mark.parametrize("model", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_name_in_the_csv_is_a_formula(model):
    run = records(started(model=model), *a_step(1, REPORTED, Cost(usd=1, source=model)))
    row = next(csv.DictReader(io.StringIO(as_usage_csv(fold(run)))))
    assert (row["model"], row["cost_source"]) == (f"'{model}", f"'{model}")


def test_a_document_ends_with_the_table():
    document = as_markdown(fold(a_run()))
    assert "| 1 | m\\|x | 1,200 | 1,000 | 100 | ≈104 → 100, +4.0% | 40 | 1,300 |" in document
    assert document.endswith("Context now ≈1,450 of 128,000 tokens\n\nPrices: list\n\nPrice unknown: m|x\n")


def test_the_terminal_ends_with_the_table_without_columns_that_say_nothing():
    out = io.StringIO()
    terminal = Terminal(out, colour=False)
    for record in a_run():
        terminal.show(record)
    lines = out.getvalue().splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("Step   Model"))
    assert re.split(r"\s{2,}", lines[head + 2])[:3] == ["2", "m|x", "≈1,400"]
    assert len({len(line) for line in lines[head : head + 4]}) == 1
    plain, quiet = io.StringIO(), io.StringIO()
    bare = records(started(), *a_step(1, TokenUsage(10, 5), None))
    for record in bare:
        Terminal(quiet, quiet, quiet=True).show(record)
    terminal = Terminal(plain, colour=False)
    for record in [*bare, *records(started(), step_finished(), RunFinished(status="failed", usage=TokenUsage(10, 5),
                                                                           duration_s=1))[-1:]]:  # fmt: skip
        terminal.show(record)
    assert "Cached" not in plain.getvalue()
    assert "Price unknown: m" in plain.getvalue()
    assert quiet.getvalue() == ""


def test_the_sum_of_some_costs_is_no_cost():
    assert total_cost(fold(a_run(end=False))) is None
    assert total_cost(fold(records(started(), *a_step(1, REPORTED, COST), *a_step(2, GUESSED, COST)))).usd == 0.0042


def test_a_price_names_its_list_with_version_date_and_entry():
    source = cost_of(TokenUsage(1000, 10), "gpt-5-mini", OPENAI).source
    assert re.fullmatch(r"genai-prices [\d.]+ \(prices verified until 20\d\d-\d\d-\d\d\), openai/gpt-5-mini", source), (
        source
    )


async def test_a_run_says_how_large_the_context_is_where_that_is_known():
    async def begun(model_id, server, **options):
        model = ScriptedModel(["<code>\nfinal_answer(1)\n</code>"], model_id=model_id)
        model.server = server
        result = await CodeAgent([], model, sandbox_pool=FakePool(), **options).start("task").wait()
        return result.records[0].event.context_tokens

    assert await begun("gpt-5-mini", OPENAI) == 400_000
    assert await begun("m", "http://127.0.0.1:1/v1") is None
    assert await begun("m", None, context_tokens=5000) == 5000


def test_a_margin_is_that_of_one_server_s_model():
    kept = Calibration()
    kept.observe("https://a", "m", estimated=110, reported=100)
    kept.observe("https://b", "m", estimated=50, reported=100)
    assert kept.margin("https://a", "m") == pytest.approx(0.1)
    assert kept.margin("https://b", "m") == pytest.approx(0.5)
    assert kept.margin(None, "m") is None


@given(st.integers(-10, 10**15), st.integers(-10, 10**15))
def test_no_report_makes_a_margin_absurd(estimated, reported):
    kept = Calibration()
    kept.observe("s", "m", estimated=estimated, reported=reported)
    assert kept.margin("s", "m") is None or 0 <= kept.margin("s", "m") <= 19


def test_models_that_were_not_used_for_long_are_forgotten():
    kept = Calibration()
    for i in range(MAX_MODELS + 1):
        kept.observe("s", "used", estimated=100, reported=100)
        kept.observe("s", f"m{i}", estimated=100, reported=100)
    assert (kept.margin("s", "m0"), kept.margin("s", "used")) == (None, 0.0)
