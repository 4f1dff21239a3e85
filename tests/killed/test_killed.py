"""Commands that are killed and run again end as if nothing had been; all of them by `make kill-test`."""

import subprocess
import sys
from pathlib import Path

import pytest

from killed.whole import halves, leftovers

RUN = Path(__file__).with_name("run.py")


@pytest.mark.slow
def test_a_killed_encode_goes_on_to_the_same_latents() -> None:
    done = subprocess.run(
        [sys.executable, RUN, "--moments", "3", "--only", "encode"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_half_files_and_leftovers_are_seen(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": ')
    (tmp_path / "a.html").write_text("<html>")
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n{"a"')
    (tmp_path / ".b.json.tmp").write_text("{")
    assert [told.split()[0] for told in halves(tmp_path)] == ["a.html", "a.json"]
    assert list(leftovers(tmp_path)) == ["left behind: .b.json.tmp"]
