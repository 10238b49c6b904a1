"""How often a page is told of changes: often enough to look live, rarely enough for browser and server."""

from __future__ import annotations

FASTEST_S = 0.05
"20 frames a second."
SLOWEST_S = 0.25
S_PER_CHARACTER = 15e-6
"""A browser highlights the code that is being written anew with each frame: about 12 µs a character in Chromium on a
slow machine without a GPU, 3 on a fast one."""


def pace(weight: int) -> float:
    """Least seconds between two frames that cost a browser as much as so many characters of growing code."""
    return min(max(FASTEST_S, S_PER_CHARACTER * weight), SLOWEST_S)
