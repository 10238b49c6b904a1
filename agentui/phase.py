"""What a run does at a moment, for whoever watches it."""

from __future__ import annotations

from typing import Literal, TypeAlias

Phase: TypeAlias = Literal[
    "starting",
    "waiting",
    "reasoning",
    "writing",
    "coding",
    "approving",
    "running",
    "calling",
    "retrying",
    "stopping",
    "ended",
]
"""`waiting` is for the model; `approving` is waiting for somebody to decide about code."""
