"""What worker processes do in tests of how errors are worded; they import it by name."""

from collections.abc import Callable, Sequence

from argand.errors import InputError


def worded(chunk: Sequence[int]) -> list[str]:
    """What an error says in the process that this is called in."""
    return [str(InputError("give --mask")) for _ in chunk]


def setup() -> Callable[[Sequence[int]], list[str]]:
    """What a worker process answers its tasks with."""
    return worded
