"""How long a training run may take, in time and in steps."""

import time
from dataclasses import dataclass, field

from argand.errors import ConfigError


@dataclass
class Budget:
    """Clock and step counter of a run; time counts while it trains, over all its resumptions.

    At least one of `max_seconds` and `max_steps` is given, and the run ends with the first that is spent.
    `reserve_seconds` of the time are kept for what follows the last step.

    Raises ConfigError where neither is given.
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
        """Let the clock run."""
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds trained so far."""
        return self.earlier_seconds + (time.monotonic() - self._started if self._started is not None else 0.0)

    @property
    def progress(self) -> float:
        """Share of the budget that is spent, from 0 to 1."""
        shares = [self.step / self.max_steps if self.max_steps else 0.0]
        if self.max_seconds is not None:
            usable = self.max_seconds - self.reserve_seconds
            shares.append(self.seconds / usable if usable > 0 else 1.0)
        return min(1.0, max(shares))
