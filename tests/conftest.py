"""Fixtures that every test may use."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from argand.errors import command_line

# Property tests without a limit of time: a busy machine is no defect of the physics.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
os.environ["ARGAND_CACHE"] = tempfile.mkdtemp(prefix="argand-cache-")


def pytest_configure() -> None:
    """Have tests meet Ctrl-C as Python does: what a shell runs in the background ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def options_in_errors() -> Iterator[None]:
    """Errors name options, as the command line does; `command_line(False)` shows them as Python does."""
    with command_line():
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real measured data; the test is skipped where it is not there."""
    folder = Path(os.environ.get("ARGAND_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data not found at {folder}; set ARGAND_DATA to its folder")
    return folder
