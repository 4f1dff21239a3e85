"""What worker processes of the tests do: they import it by name."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Squares:
    """Squares numbers and says by which process; some do harm. Files in `folder` tell what was done."""

    folder: Path
    deadly: tuple[int, ...] = ()
    once: tuple[int, ...] = ()
    """Deadly for the first process that meets them."""
    wrong: tuple[int, ...] = ()
    seconds: float = 0.0

    def __call__(self) -> Callable[[Sequence[int]], Iterator[tuple[int, int]]]:
        (self.folder / f"setup-{os.getpid()}").touch()
        return self.squares

    def squares(self, numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
        """The squares, each with the id of the process."""
        for number in numbers:
            met = self.folder / f"met-{number}"
            if number in self.deadly or (number in self.once and not met.exists()):
                met.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if number in self.wrong:
                raise ValueError(f"{number} is wrong")
            time.sleep(self.seconds)
            (self.folder / f"done-{number}").touch()
            yield number**2, os.getpid()
