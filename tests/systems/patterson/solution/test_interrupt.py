"""Ctrl-C in a search keeps the best model so far; a search is visible on the terminal all the time."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import gemmi
import numpy as np
import pytest
from synthetic_crystals import MONOCLINIC, measured, orthogonalisation, random_atoms

from argand.io.reflections import MeasuredIntensities
from argand.physics.crystal.symmetry import Group
from argand.systems.patterson.solution.reflections import CrystalData, prepare
from argand.systems.patterson.solution.solve import Interrupted, solve
from argand.systems.patterson.solution.space_group_search import find_space_group

CELL = orthogonalisation(MONOCLINIC)
STATED = ("--cell", ",".join(map(str, MONOCLINIC)), "--formula", "C5NO", "--units", "4")
PATIENCE_S = 120.0


def intensities(*, noise: bool) -> MeasuredIntensities:
    """Of a simulated crystal; as `noise` they belong to other reflections, so that no model fits."""
    group = Group.from_name("P 21/c")
    data = measured(group, CELL, random_atoms(group, CELL, ("O", "C", "C", "C", "N", "C", "C"), 1), 0.9)
    values = np.random.default_rng(0).permutation(data.intensity) if noise else data.intensity
    return MeasuredIntensities("a.hkl", data.hkl, values, data.sigma, MONOCLINIC)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found, path = intensities(noise=True), tmp_path_factory.mktemp("noise") / "a.hkl"
    factor = 9999 / found.intensity.max()
    rows = zip(found.hkl.tolist(), found.intensity * factor, found.sigma * factor, strict=True)
    path.write_text("".join(f"{h:4d}{k:4d}{el:4d}{i:8.2f}{max(s, 0.01):8.2f}\n" for (h, k, el), i, s in rows))
    return path


def crystal(*, noise: bool) -> CrystalData:
    return prepare(intensities(noise=noise), spacegroup="P 21/c", formula="C5 N O", units=4)


class Keyboard:
    """Presses Ctrl-C at a call; `watch` and `finish` of a search take it."""

    def __init__(self, at: int) -> None:
        self.at, self.calls = at, 0

    def __call__(self, *told: object) -> None:
        self.calls += 1
        if self.calls == self.at:
            raise KeyboardInterrupt


def test_a_search_that_is_interrupted_carries_its_best_model():
    with pytest.raises(Interrupted) as stop:
        solve(crystal(noise=True), 60.0, watch=Keyboard(3))
    solution = stop.value.solution
    assert not solution.trusted
    assert solution.interrupted
    assert "; interrupted after " in solution.reason
    assert len(solution.log) == solution.attempts == 3
    assert solution.r1 == pytest.approx(solution.log[-1].r1, abs=0.05)
    assert solution.to_dict()["interrupted"]


def test_a_model_that_was_trusted_already_stays_so():
    with pytest.raises(Interrupted) as stop:
        solve(crystal(noise=False), 60.0, finish=Keyboard(1))
    solution = stop.value.solution
    assert solution.trusted
    assert "; interrupted after " in solution.reason
    assert len(solution.uncertain) == len(solution.atoms)


def test_an_interruption_before_there_is_a_model_carries_none(monkeypatch: pytest.MonkeyPatch):
    from argand.systems.patterson.solution.structure_search import StructureSearch

    monkeypatch.setattr(StructureSearch, "attempt", Keyboard(1))
    with pytest.raises(KeyboardInterrupt) as stop:
        solve(crystal(noise=True), 60.0)
    assert not isinstance(stop.value, Interrupted)


def test_a_search_for_the_space_group_goes_on_with_what_it_has():
    found = find_space_group(intensities(noise=True), formula="C5 N O", time_limit=60.0, watch=Keyboard(2))
    assert found.interrupted
    assert found.attempts == 2
    with pytest.raises(Interrupted) as stop:
        solve(found.crystal, 60.0, found=found)
    assert stop.value.solution.attempts == 2
    assert stop.value.solution.outlook == ""


def at_a_terminal(*words: object, until: bytes = b"") -> tuple[int, str]:
    """Run the command at a terminal, press Ctrl-C at the text `until`; exit code and all it showed."""
    shown, sent, start = b"", not until, time.monotonic()
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover  the command takes this process over
        os.environ |= {"TERM": "xterm", "COLUMNS": "140", "OMP_NUM_THREADS": "1"}
        os.execv(sys.executable, [sys.executable, "-m", "argand", "patterson", *map(str, words)])  # noqa: S606
    try:
        while time.monotonic() - start < PATIENCE_S:
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    shown += os.read(terminal, 65_536)
                except OSError:  # the command has ended
                    break
            if not sent and until in shown:
                os.write(terminal, b"\x03")
                sent = True
    finally:
        os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode(errors="replace")


@pytest.mark.parametrize(
    "words", [("--spacegroup", "P 21/c", "--processes", 1), ("--spacegroup", "P 21/c", "--processes", 2)]
)
def test_ctrl_c_at_a_terminal_writes_the_best_model(noise: Path, tmp_path: Path, words: tuple[object, ...]):
    question = ("solve", noise, *STATED, *words, "--out", tmp_path / "out", "--time-limit", "10m")
    code, shown = at_a_terminal(*question, until=b"6 attempts, best R1")
    assert code == 130, shown
    assert "not trusted: R1 = " in shown
    assert "interrupted; the best model so far was written" in shown
    summary = json.loads((tmp_path / "out" / "a.json").read_text())
    assert not summary["trusted"]
    assert "interrupted after" in summary["reason"]
    assert summary["attempts"] >= 6
    assert len(gemmi.read_small_structure(summary["files"]["cif"]).sites) == summary["n_atoms"]
    assert all(Path(path).stat().st_size for path in summary["files"].values())
    assert "best-guess" in (tmp_path / "out" / "index.html").read_text()
    # The rate, the time left, the attempts, the best R1 and the time were shown all the time.
    for part in ("attempts/s", "left, ", "solving, ", "writing, "):
        assert part in shown


def test_sigint_to_a_process_in_its_own_session_writes_the_best_model_too(noise: Path, tmp_path: Path):
    """As a batch system or a notebook sends it, during a search for the space group."""
    out = tmp_path / "out"
    words = ("solve", noise, *STATED, "--laue", "2/m", "--out", out, "--time-limit", "10m", "--json")
    command = [sys.executable, "-m", "argand", "patterson", *map(str, words)]
    terminal, screen = pty.openpty()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=screen, start_new_session=True) as process:
        os.close(screen)
        shown, start = b"", time.monotonic()
        while b"best R1 0." not in shown and time.monotonic() - start < PATIENCE_S:
            shown += os.read(terminal, 65_536)
        os.killpg(process.pid, signal.SIGINT)
        while process.poll() is None:
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    shown += os.read(terminal, 65_536)
                except OSError:  # the command has ended
                    break
        told, _ = process.communicate(timeout=PATIENCE_S)
    os.close(terminal)
    assert process.returncode == 130, shown
    summary = json.loads(told)
    assert summary["interrupted"]
    assert summary["spacegroup_found"]
    assert not summary["trusted"]
    assert (out / "a.cif").stat().st_size > 0
    assert b"Traceback" not in shown


def test_the_search_is_shown_from_the_first_to_the_last_second(noise: Path, tmp_path: Path):
    words = ("solve", noise, *STATED, "--laue", "2/m", "--out", tmp_path / "out", "--time-limit", "4s")
    code, shown = at_a_terminal(*words)
    assert code == 3
    for phase in ("finding the space group, ", "refining, ", "writing, "):
        assert phase in shown
    seconds = [f", {number} s" for number in range(1, 4)]
    assert all(one in shown for one in seconds)
