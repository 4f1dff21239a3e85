"""Pages in a real Chromium, without windows, over the pipe of its DevTools protocol: one process for all."""

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SECONDS = 30.0
"""Patience with a page, on a busy machine."""
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu-sandbox",
    "--use-gl=swiftshader",
    "--enable-unsafe-swiftshader",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--window-size=500,500",
    "--remote-debugging-pipe",
)
_START = """import fcntl, os, sys
ends = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Starts a program with two descriptors as 3 and 4, where DevTools' pipe is."""


@dataclass
class Chromium:
    """A browser: loads pages, runs JavaScript in them, and keeps what it complains about."""

    to: int
    back: int
    complaints: list[str] = field(default_factory=list)
    _number: int = 0
    _rest: bytes = b""

    def ask(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """The answer to a command; what happens meanwhile is noted."""
        self._number += 1
        told = {"id": self._number, "method": method, "params": parameters}
        os.write(self.to, json.dumps(told | ({"sessionId": session} if session else {})).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == self._number:
                assert "error" not in message, (method, message)
                return message["result"]
            self._note(message)

    def open(self, page: Path) -> str:
        """Load a page in a tab of its own; what it is called in `run`."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable", session)
        self.ask("Page.navigate", session, url=page.as_uri())
        return session

    def run(self, session: str, code: str) -> Any:
        """The value of an expression in a page."""
        answer = self.ask("Runtime.evaluate", session, expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, (code, answer)
        return answer["result"].get("value")

    def close(self, session: str) -> None:
        """End a page."""
        self.ask("Page.close", session)

    def wait_for(self, session: str, condition: str) -> None:
        """Until an expression is true in a page."""
        end = time.monotonic() + SECONDS
        while not self.run(session, f"document.readyState === 'complete' && Boolean({condition})"):
            assert time.monotonic() < end, (condition, self.complaints)
            time.sleep(0.05)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert select.select([self.back], [], [], SECONDS)[0], "Chromium does not answer"
            read = os.read(self.back, 1 << 20)
            assert read, "Chromium has ended"
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def _note(self, message: dict[str, Any]) -> None:
        method, told = message.get("method"), message.get("params", {})
        if method == "Page.javascriptDialogOpening":
            self.complaints.append(f"dialog: {told['message']}")
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(f"exception: {told['exceptionDetails']}")
        elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.complaints.append(f"{told['entry']['source']}: {told['entry']['text']}")


@contextmanager
def chromium(profile: Path) -> Iterator[Chromium]:
    """A Chromium of its own; the test is skipped where none is installed."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium is installed: pages are not loaded")
    (theirs_in, to), (back, theirs_out) = os.pipe(), os.pipe()
    start = [sys.executable, "-c", _START, str(theirs_in), str(theirs_out)]
    command = [*start, program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(command, pass_fds=(theirs_in, theirs_out), stderr=subprocess.DEVNULL)
    os.close(theirs_in)
    os.close(theirs_out)
    browser = Chromium(to, back)
    try:
        yield browser
        browser.ask("Browser.close")
    finally:
        os.close(to)
        os.close(back)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
