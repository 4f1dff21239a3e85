"""Selections of images: ranges of any length cost nothing, and what a file lacks is one line."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from frugal import frugal

from argand.errors import InputError
from argand.io.image import expand_inputs, read_frames
from argand.io.selection import split_selection
from argand.systems.molmnist.files.inputs import is_sample, read_cases

IMAGES = np.random.default_rng(1).integers(0, 50, (7, 70, 70)).astype(np.int32)


@pytest.fixture
def stack(tmp_path: Path) -> str:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = IMAGES
    return str(tmp_path / "a.h5")


def test_what_there_is_is_selected(stack: str) -> None:
    assert [frame.index for frame in read_frames(f"{stack}#2-4")] == [2, 3, 4]
    assert [case.index for case in read_cases(f"{stack}:/data#6")] == [6]
    assert expand_inputs([f"{stack}#0-6"]) == [f"{stack}#0-6"]
    assert split_selection("a#b.cbf") == ("a#b.cbf", None)


@pytest.mark.parametrize("selection", ["0-199999999", "5-7", "7", "999999999999999999"])
def test_a_range_that_the_file_lacks_says_how_many_images_it_has(stack: str, selection: str) -> None:
    last = selection.split("-")[-1]
    for read in (read_frames, read_cases, lambda name: expand_inputs([name])):
        with frugal(megabytes=30), pytest.raises(InputError, match=f"has no (image|pattern) {last}; its 7 "):
            list(read(f"{stack}#{selection}"))


@pytest.mark.parametrize("selection", ["1-0", "5-2", "-1", "1-", "--", "9" * 20, "9" * 5000, "0-" + "9" * 30])
@pytest.mark.parametrize("name", ["{stack}", "sample", "{stack}:/data", "none.h5"])
def test_a_selection_of_nothing_is_one_line(stack: str, name: str, selection: str) -> None:
    named = f"{name.format(stack=stack)}#{selection}"
    with frugal(megabytes=30), pytest.raises(InputError, match=r"selects no images; write #3 or #0-9"):
        list(read_cases(named))
    if name != "{stack}:/data":
        with pytest.raises(InputError, match="selects no images"):
            expand_inputs([named])
    if name == "sample":
        with pytest.raises(InputError, match="selects no images"):
            is_sample(named)


def test_the_sample_says_how_many_patterns_it_has() -> None:
    with frugal(), pytest.raises(InputError, match=r"sample: has no pattern 199999999; its 100 patterns"):
        list(read_cases("sample#0-199999999"))


def test_a_range_of_a_file_that_is_not_understood_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "a.cbf").write_text("nothing")
    assert expand_inputs([f"{tmp_path}/a.cbf#0-9"]) == [f"{tmp_path}/a.cbf#0-9"]
    with pytest.raises(InputError, match="declares 200,000,000 images"):
        expand_inputs([f"{tmp_path}/a.cbf#0-199999999"])


@pytest.mark.parametrize("name", ["n" * 5000, "a\0b", "n" * 300 + "/*.cbf", "~nobody/x.cbf"])
def test_names_that_no_file_can_have_are_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "all.lst").write_text(name)
    for pattern in (str(tmp_path / name), str(tmp_path / "all.lst")):
        with pytest.raises(InputError, match=r"no such file|not a list of image files"):
            expand_inputs([pattern])
