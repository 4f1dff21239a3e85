"""One malformed input: the files it consists of, the command that is given them, and what must come of it."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

Content = bytes | Callable[[Path], None]
"""What a file holds, or what makes it under its name."""
Files = Mapping[str, Content]
"""Files by their names within the folder of the case."""
Must = Literal["refused", "answered or refused"]
"""Refused: an exit code other than 0 and one line that says why. The other may also be answered: what a
reader makes of a flipped bit is not known, but it must end by itself, within its time and memory."""
EITHER: Must = "answered or refused"
NO: Must = "refused"
Made = Callable[[np.random.Generator], Content]
"""Makes what one file holds."""
T = TypeVar("T")
Check = Callable[[Path, "Outcome"], str | None]
"""Given the folder of the case and how its command ended: why that is wrong, or None."""
Make = Callable[[np.random.Generator], Files]
"""Makes the files of a case."""

HANG_S = 15.0
"""Seconds of a core after which a command counts as hanging; the same with a good input takes at most 3."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended; `code` is None where it was ended by `signal`. Bytes are those it grew by."""

    code: int | None
    signal: int | None
    seconds: float
    core_s: float
    grown: int
    hung: str
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Limits:
    """What the command is denied: files of more than so many bytes, as on a full disk, or root's rights."""

    file_bytes: int | None = None
    as_user: bool = False


@dataclass(frozen=True)
class Case:
    """A command and its files. `call` is `module:function` where no verb takes them; `argv` its arguments.

    `good` are the inputs that must have an answer whatever becomes of the bad ones, which `told` names.
    `stock` names what argand has written from good inputs and is there before the files are. With another
    `environment` the command is started anew.
    """

    name: str
    kind: str
    system: str
    argv: tuple[str, ...]
    files: Make
    must: Must = "answered or refused"
    call: str = ""
    good: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    stock: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    hang_s: float = HANG_S
    environment: Mapping[str, str] = field(default_factory=dict)

    def write(self, folder: Path, seed: int) -> None:
        """Write the files of the case into a folder: the same for the same seed."""
        for name, content in self.files(rng_of(seed, self.name)).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                content(path)


def rng_of(seed: int, name: str) -> np.random.Generator:
    """Random numbers of one case: the same for the same seed, and whatever other cases there are."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def one_of(rng: np.random.Generator, values: Sequence[T]) -> T:
    """One of them, at random."""
    return values[int(rng.integers(len(values)))]
