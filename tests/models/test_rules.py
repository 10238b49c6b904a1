"""The rules of reading OpenAI-compatible servers: where each is kept, and what proves it.

A proof is a wire case, which `test_dialects` plays, or a test. Cases made for a rule name it themselves.
"""

import ast
from pathlib import Path
from typing import NamedTuple

import pytest
from dialect_cases import CASES

ROOT = Path(__file__).parents[2]


class Rule(NamedTuple):
    says: str
    module: str
    proofs: str
    "Names of recorded cases, and tests as file::test."


RULES = {
    1: Rule("merge usage per field, never sum", "models/usage_merge", "gateway_split_usage_first_last nim_cumulative"),
    2: Rule("one source: chunk, choice, x_groq", "models/usage_merge", "groq_triple_usage moonshot_n2_choice_usage"),
    3: Rule("read usage on every chunk", "models/usage_merge", "litellm_usage_nonempty_choices"),
    4: Rule("coerce numbers, refuse impossible ones", "models/usage_merge", "higress_usage_empty_object"),
    5: Rule("where cached tokens are", "models/usage_merge", "deepseek_cache_only_fields"),
    6: Rule("where reasoning tokens are", "models/usage_merge", "sglang_reasoning_tokens_toplevel"),
    7: Rule("output that only the total knows of", "models/usage_merge", "xai_reasoning_excluded"),
    8: Rule("reasoning may be above output", "models/usage_merge", ""),
    9: Rule("zeros that cannot be true are estimated", "models/usage_merge", "ollama_prompt_cached_zero"),
    10: Rule("a failure keeps the lower bound", "models/call", "vllm_continuous_then_error reset_midstream"),
    11: Rule("retries count as one call", "models/openai_server", "openai_retry_500"),
    12: Rule("keep the cost", "models/usage_merge", "tests/models/test_usage_merge.py::test_cost"),
    13: Rule("one encoding for every model", "tokens", "tests/test_tokens.py::test_known_counts"),
    14: Rule("counting needs no network", "tokens", "tests/test_tokens.py::test_counting_never_touches_the_network"),
    15: Rule("special tokens are text", "tokens", "tests/test_tokens.py::test_known_counts"),
    16: Rule("guard every level", "models/wire", "data_null_event delta_null ping_event_with_data"),
    17: Rule("content as a list of parts", "models/parts", ""),
    18: Rule("one reasoning field a delta", "models/parts", "openrouter_comments_reasoning_cost"),
    19: Rule("thought by extra_content", "models/parts", "gemini_thought_content"),
    20: Rule("any index; message only alone", "models/answer", "minimax_final_full_message perplexity_cumulative"),
    21: Rule("finish reasons", "models/failures", "together_eos zhipu_network_error together_finish_error"),
    22: Rule("tool calls", "models/tool_calls", "qwen_tool_call_empty_id gemini_tool_call_no_index"),
    23: Rule("think tags", "think", "literal_think_in_code think_unclosed_length"),
    24: Rule("one end at the stop string", "models/text", "hunyuan_stop_included_cumulative openai_reject_stop"),
    25: Rule("join halves of characters", "models/text", ""),
    26: Rule("complete or not", "models/answer", "snowflake_no_finish_reason ollama_midstream_error_swallowed"),
    27: Rule("an empty answer is a failure", "models/answer", "gemini_empty_stop lmstudio_silent_empty"),
    28: Rule("errors without the word", "models/failures", "vllm_old_error_no_error_key"),
    29: Rule("bodies that are no stream", "models/body", "html_200"),
    30: Rule("a break keeps the partial text", "models/call", "reset_midstream stall_midstream"),
    31: Rule("read the raw bytes", "models/sse", "last_event_no_blank_line llamacpp_old_error_field"),
    32: Rule(
        "own limits, own retries", "models/timing",
        "stall_midstream tests/models/test_openai_server.py::test_keep_alives_after_a_delta",
    ),
    33: Rule("leave out what is refused", "models/adapt", "mistral_reject_stream_options siliconflow_flat_error"),
    34: Rule("one token limit", "models/request", "openai_reject_max_tokens"),
    35: Rule("system, not developer", "models/request", "deepseek_reject_developer"),
    36: Rule("no tool_choice that a server refuses", "models/adapt", ""),
}  # fmt: skip


def proven_by(number):
    own = [name for name, case in CASES.items() if number in case.get("rules", ())]
    return [*RULES[number].proofs.split(), *own]


@pytest.mark.parametrize("number", RULES)
def test_every_rule_has_a_place_and_a_proof(number):
    assert (ROOT / "agentui" / f"{RULES[number].module}.py").is_file()
    assert proven_by(number)
    for proof in proven_by(number):
        path, _, name = proof.rpartition("::")
        assert name in (_tests_in(path) if path else CASES), proof


def test_no_case_names_a_rule_that_is_none():
    assert list(RULES) == list(range(1, 37))
    assert {number for case in CASES.values() for number in case.get("rules", ())} <= set(RULES)


def _tests_in(path):
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
