"""Limits of a training run, in time and in steps."""

import time
from dataclasses import dataclass, field

from argand.errors import ConfigError


@dataclass
class Budget:
    """Clock and step counter of a run; training time adds up over all its resumptions.

    At least one of `max_seconds` and `max_steps` is given; the run ends when the first is reached.
    `reserve_seconds` are reserved for the work after the last step.

    Raises ConfigError if neither is given.
    """

    max_seconds: float | None
    max_steps: int | None
    step: int = 0
    earlier_seconds: float = 0.0
    reserve_seconds: float = 0.0
    _started: float | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.max_seconds is None and self.max_steps is None:
            raise ConfigError("training needs a limit; give a time or a number of steps")

    def start(self) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Training time so far in s."""
        return self.earlier_seconds + (time.monotonic() - self._started if self._started is not None else 0.0)

    @property
    def progress(self) -> float:
        """Fraction of the budget used, from 0 to 1."""
        shares = [self.step / self.max_steps if self.max_steps else 0.0]
        if self.max_seconds is not None:
            usable = self.max_seconds - self.reserve_seconds
            shares.append(self.seconds / usable if usable > 0 else 1.0)
        return min(1.0, max(shares))
