"""The log must survive crashes and resumptions, and be drawn."""

from pathlib import Path

import pytest
from PIL import Image

from argand.learn.log import RunLog, draw_curve, read_log


def write(folder: Path, steps: range, resume_step: int | None = None) -> None:
    """A log with one training and one validation record per step."""
    log = RunLog(folder, resume_step)
    for step in steps:
        for part in ("train", "val"):
            log.write(
                {"step": step, "samples": 4 * step, "lr": 0.1, part: {"loss": 1.0 / step, "error": -1.0}}
            )
    log.close()


def test_a_resumed_log_drops_what_came_after_the_checkpoint(tmp_path: Path):
    write(tmp_path, range(1, 6))
    write(tmp_path, range(4, 6), resume_step=3)
    assert [record["step"] for record in read_log(tmp_path / "log.jsonl") if "val" in record] == [
        1,
        2,
        3,
        4,
        5,
    ]


def test_a_line_cut_off_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    write(tmp_path, range(1, 3))
    path = tmp_path / "log.jsonl"
    path.write_text(path.read_text()[:-5])
    assert len(read_log(path)) == 3
    assert "skipped 1 damaged lines, the first is line 4" in caplog.text


def test_the_curve_is_drawn(tmp_path: Path):
    write(tmp_path, range(1, 4))
    picture = draw_curve(tmp_path, "error")
    assert picture == tmp_path / "curve.png"
    assert Image.open(picture).size == (1200, 432)
