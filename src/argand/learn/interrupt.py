"""Ctrl-C and SIGTERM end a training run after the current step, so that it can be resumed."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class StopSignal:
    """Context in which the first SIGINT or SIGTERM sets `requested`; the second interrupts at once.

    Until `arm` is called there is no step to finish, and the first one interrupts at once too.
    """

    def __init__(self) -> None:
        self.requested = False
        self._armed = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "StopSignal":
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
            for number in self._previous:
                signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def arm(self) -> None:
        """From now on, let the first signal wait for the end of the step."""
        self._armed = True

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.requested or not self._armed:
            raise KeyboardInterrupt
        self.requested = True
