"""Recorded and made-up wire cases: what a server sends, byte for byte, and what a good reader makes of it.

`expect` is what a reader of parsed events gets, `expect_raw` what becomes better where the bytes are read, as we do.
"""

import base64
import json
from pathlib import Path

DATA = Path(__file__).parent / "data"


def load_cases(*folders):
    paths = sorted(path for folder in folders for path in (DATA / folder).glob("*.json"))
    cases = {path.stem: json.loads(path.read_text("utf-8")) for path in paths}
    assert len(cases) == len(paths), "two cases of one name"
    return cases


RECORDED = load_cases("dialects")
MORE = load_cases("dialects_more")
CASES = RECORDED | MORE


def expected(case):
    return {**case["expect"], **case.get("expect_raw", {})}


def pieces_of(case):
    """The HTTP chunks of the body."""
    if "chunks_b64" in case:
        return [base64.b64decode(piece) for piece in case["chunks_b64"]]
    return [case["raw"].encode()]


def cut(data, size):
    return [data[start : start + size] for start in range(0, len(data), size)]
