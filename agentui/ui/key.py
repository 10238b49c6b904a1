"""The key of a visitor, which lives in the memory of the server and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Key:
    """A key in memory, for one endpoint only."""

    base_url: str
    secret: str = field(repr=False)

    @property
    def hint(self) -> str:
        """Enough to recognise the key by, and no more."""
        if len(self.secret) < 12:
            return "key ✓"
        return f"{self.secret[:3]}…{self.secret[-3:]} ✓"
