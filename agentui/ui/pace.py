"""How often a page is told of changes: often enough to look live, rarely enough for browser and server."""

from __future__ import annotations

FASTEST_S = 0.05
"20 frames a second."
SLOWEST_S = 0.25
_FREE = 12_000
"Characters of live text up to which the fastest pace holds."


def pace(live_size: int) -> float:
    """Least seconds between two frames when the live step has `live_size` characters.

    A browser renders the block that grows anew with each frame, in time linear in its length, so the share of time
    that this takes stays the same.
    """
    return min(max(FASTEST_S, FASTEST_S * live_size / _FREE), SLOWEST_S)
