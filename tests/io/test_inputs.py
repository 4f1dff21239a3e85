"""What a user names becomes a list of image files."""

import os
from pathlib import Path

import pytest

from argand.errors import InputError
from argand.io.image import expand_inputs


def test_inputs_expand_globs_folders_and_lists(tmp_path: Path) -> None:
    for name in ("b_2.cbf", "b_1.cbf", "c.img.bz2", "notes.md", "x_master.h5", "x_data_000001.h5"):
        (tmp_path / name).touch()
    (tmp_path / "all.lst").write_text("# chosen\nb_2.cbf\n\nc.img.bz2\n")

    def names(*patterns: str) -> list[str]:
        return [Path(path).name for path in expand_inputs([str(tmp_path / p) for p in patterns])]

    assert names("b_*.cbf") == ["b_1.cbf", "b_2.cbf"]
    assert names("b_2.cbf", "b_?.cbf") == ["b_2.cbf", "b_1.cbf"]
    assert names("all.lst") == ["b_2.cbf", "c.img.bz2"]
    assert names("") == ["b_1.cbf", "b_2.cbf", "c.img.bz2", "x_master.h5"]
    assert names("x_master.h5#3-5") == ["x_master.h5#3-5"]
    for missing in ("gone.cbf", "gone_*.cbf"):
        with pytest.raises(InputError, match=r"gone.*no such file"):
            names(missing)


def test_a_list_may_name_files_of_any_bytes(tmp_path: Path) -> None:
    name = tmp_path / os.fsdecode(b"a\xff.cbf")
    name.touch()
    (tmp_path / "all.lst").write_bytes(b"a\xff.cbf\n")
    assert expand_inputs([str(tmp_path / "all.lst")]) == [str(name)]


@pytest.mark.parametrize("content", [b"a.cbf\n\0\0", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b""])
def test_what_is_no_list_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "all.lst").write_bytes(content)
    with pytest.raises(InputError, match=r"all\.lst: (not a list|names no images)"):
        expand_inputs([str(tmp_path / "all.lst")])
