"""HDF5 files that lead elsewhere, to nothing, in a circle or to far more than they hold: one line each."""

import zlib
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
from frugal import frugal

from argand.errors import InputError
from argand.io.image import read_frame, read_frames
from argand.io.nexus import growth
from argand.systems.molmnist.files.inputs import read_cases

IMAGES = np.random.default_rng(1).integers(0, 50, (3, 70, 80)).astype(np.int32)
PLACE = "entry/data/data"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with data beside and below it, and one outside that no file in it may lead to."""
    for name in ("home", "home/below", "outside"):
        (tmp_path / name).mkdir()
    for name in ("home/beside.h5", "home/below/data.h5", "outside/data.h5"):
        with h5py.File(tmp_path / name, "w") as file:
            file["images"] = IMAGES
    (tmp_path / "home" / "link.h5").symlink_to(tmp_path / "outside" / "data.h5")
    return tmp_path / "home"


def linked(home: Path, link: object) -> str:
    with h5py.File(home / "m.h5", "w") as file:
        file[PLACE] = link
    return str(home / "m.h5")


def virtual(path: Path, source: str, name: str, shape: tuple[int, ...] = IMAGES.shape) -> str:
    layout = h5py.VirtualLayout(shape, "i4")
    layout[:] = h5py.VirtualSource(source, name, shape)
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset(PLACE, layout, fillvalue=0)
    return str(path)


def refused(path: str, reason: str) -> None:
    """All three readers of a master say so."""
    with frugal(), pytest.raises(InputError, match=reason):
        list(read_frames(path))
    with frugal(), pytest.raises(InputError, match=reason):
        list(read_cases(path))
    with frugal(), suppress(InputError):
        assert growth(Path(path), lambda file: True).missing is not None


@pytest.mark.parametrize("name", ["beside.h5", "below/data.h5", "below/../beside.h5", "./beside.h5"])
def test_data_beside_a_master_and_below_are_read(home: Path, name: str) -> None:
    for path in (
        linked(home, h5py.ExternalLink(name, "images")),
        virtual(home / "v.h5", name, "images"),
        linked(home, h5py.ExternalLink(str(home / name), "images")),
    ):
        assert np.array_equal([frame.data for frame in read_frames(path)], IMAGES)
        assert np.array_equal([case.intensity for case in read_cases(path)], IMAGES)


def test_master_and_data_that_are_linked_into_a_folder_together_are_read(home: Path, tmp_path: Path) -> None:
    linked(home, h5py.ExternalLink("beside.h5", "images"))
    (tmp_path / "work").mkdir()
    for name in ("m.h5", "beside.h5"):
        (tmp_path / "work" / name).symlink_to(home / name)
    assert np.array_equal(read_frame(tmp_path / "work" / "m.h5", 2).data, IMAGES[2])


@pytest.mark.parametrize("name", ["../outside/data.h5", "link.h5", "below/../../outside/data.h5", "absolute"])
def test_data_outside_are_named_with_the_cure(home: Path, name: str) -> None:
    name = str(home.parent / "outside" / "data.h5") if name == "absolute" else name
    for path in (
        linked(home, h5py.ExternalLink(name, "images")),
        virtual(home / "v.h5", name, "images"),
    ):
        refused(path, r"\.h5: it refers to .*\.h5, which is outside its folder; put that file next to")


def test_links_within_a_path_lead_nowhere_else_either(home: Path) -> None:
    with h5py.File(home / "m.h5", "w") as file:
        file["away"] = h5py.ExternalLink("../outside/data.h5", "/")
        file[PLACE] = h5py.SoftLink("/away/images")
    refused(str(home / "m.h5"), "outside its folder")


def test_header_values_are_not_taken_from_outside(home: Path) -> None:
    with h5py.File(home.parent / "outside" / "data.h5", "a") as file:
        file["secret"] = 123.0
    with h5py.File(home / "m.h5", "w") as file:
        file[PLACE] = IMAGES
        file["entry/instrument/detector/distance"] = h5py.ExternalLink("../outside/data.h5", "secret")
    with pytest.raises(InputError, match="outside its folder"):
        read_frame(home / "m.h5")


@pytest.mark.parametrize("place", [PLACE, "entry/instrument/detector/pixel_mask"])
def test_raw_bytes_of_other_files_are_refused(home: Path, tmp_path: Path, place: str) -> None:
    """HDF5 reads such a data set from any file: its content would be copied into the results."""
    (tmp_path / "secret").write_bytes(bytes(range(256)) * 256)
    with h5py.File(home / "m.h5", "w") as file:
        if place != PLACE:
            file[PLACE] = IMAGES
        file.create_dataset(place, (1, 70, 80), "u1", external=[(str(tmp_path / "secret"), 0, 5600)])
    with pytest.raises(InputError, match="in an external raw file"):
        read_frame(home / "m.h5")


def test_a_virtual_data_set_whose_source_lacks_its_data_is_no_image_of_zeros(home: Path) -> None:
    refused(
        virtual(home / "v.h5", "beside.h5", "elsewhere"), "refers to elsewhere in beside.h5, which does not"
    )
    refused(virtual(home / "v.h5", "gone.h5", "images"), r"its data file .*gone\.h5 is missing")
    refused(virtual(home / "v.h5", "beside.h5", "images", (9, 70, 80)), "needs more of images in beside.h5")


def test_numbered_sources_are_all_looked_for(home: Path) -> None:
    for number in (0, 1):
        with h5py.File(home / f"part{number}.h5", "w") as file:
            file["images"] = IMAGES[:1]
    space = h5py.h5s.create_simple((2, 70, 80), (h5py.h5s.UNLIMITED, 70, 80))
    space.select_hyperslab((0, 0, 0), (h5py.h5s.UNLIMITED, 1, 1), (1, 1, 1), (1, 70, 80))
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_virtual(space, b"part%b.h5", b"images", h5py.h5s.create_simple((1, 70, 80)))
    with h5py.File(home / "v.h5", "w") as file:
        whole = h5py.h5s.create_simple((2, 70, 80), (h5py.h5s.UNLIMITED, 70, 80))
        h5py.h5d.create(file.create_group("entry/data").id, b"data", h5py.h5t.NATIVE_INT32, whole, plist)
    assert np.array_equal(read_frame(home / "v.h5", 1).data, IMAGES[0])
    for number, has in ((1, 1), (0, 0)):
        (home / f"part{number}.h5").unlink()
        with pytest.raises(InputError, match=f"its {has} images" if has else "does not contain images"):
            read_frame(home / "v.h5", 1)


def test_circles_end(home: Path) -> None:
    with h5py.File(home / "m.h5", "w") as file:
        file["a"], file["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/a")
        file[PLACE] = h5py.SoftLink("/a")
    refused(str(home / "m.h5"), "circle")
    refused(linked(home, h5py.ExternalLink("m.h5", PLACE)), "circle")
    refused(virtual(home / "v.h5", ".", f"/{PLACE}"), "virtual data set of itself|refers to itself")
    virtual(home / "w.h5", "v.h5", PLACE)
    refused(virtual(home / "v.h5", "w.h5", PLACE), "virtual data set of itself|refers to itself")


@pytest.mark.parametrize(
    ("shape", "options", "reason"),
    [
        ((50_000, 50_000), {"chunks": (1000, 1000)}, "more than the 67,108,864"),
        ((10**9, 64, 64), {"chunks": (1, 64, 64)}, "1000000000 images"),
        ((10**5, 64, 64), {"chunks": (10**5, 64, 64), "compression": "gzip"}, "larger than any image"),
        ((2, 64, 64), {"dtype": h5py.string_dtype()}, "not counts"),
        ((2, 64, 64), {"dtype": [("a", "i4"), ("b", "f8")]}, "not counts"),
        ((2, 64, 64), {"dtype": "c8"}, "not counts"),
        ((2, 64, 0), {}, "does not contain images|declares"),
    ],
)
def test_data_sets_that_state_too_much_or_no_counts(
    tmp_path: Path, shape: tuple[int, ...], options: dict[str, object], reason: str
) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset(PLACE, **({"shape": shape, "dtype": "f4"} | options))
    with frugal(), pytest.raises(InputError, match=reason):
        read_frame(tmp_path / "a.h5")


def test_a_header_value_that_states_too_much_is_one_line(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file[PLACE] = IMAGES
        file.create_dataset("entry/instrument/detector/distance", (10**11,), "f8", chunks=(1000,))
    with frugal(), pytest.raises(InputError, match="distance is larger than expected"):
        read_frame(tmp_path / "a.h5")


def test_a_chunk_that_unpacks_to_more_than_it_should_is_one_line(tmp_path: Path) -> None:
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(2**24)) for _ in range(32)) + packer.flush()
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset(PLACE, (1, 64, 64), "u1", chunks=(1, 64, 64), compression="gzip")
        data.id.write_direct_chunk((0, 0, 0), bomb)
    with frugal(), pytest.raises(InputError, match="decompresses to more than its 4096 bytes"):
        read_frame(tmp_path / "a.h5")


def test_a_filter_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((1, 64, 64))
        plist.set_filter(32019, h5py.h5z.FLAG_OPTIONAL, (1, 2))
        space = h5py.h5s.create_simple((2, 64, 64))
        h5py.h5d.create(file.id, b"data", h5py.h5t.NATIVE_INT32, space, plist)
    with pytest.raises(InputError, match=r"a\.h5: .*compressed by filter 32019"):
        read_frame(tmp_path / "a.h5")


def test_deeply_nested_groups_are_one_line(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group: h5py.Group = file
        for _ in range(2000):
            group = group.create_group("g")
        group["data"] = IMAGES
    with frugal(), pytest.raises(InputError, match=r"a\.h5: .*levels"):
        read_frame(tmp_path / "a.h5")


def test_groups_that_hold_themselves_are_looked_through_once(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("g")
        group["again"] = group
        group["images"] = IMAGES
    with frugal():
        assert np.array_equal(read_frame(tmp_path / "a.h5", 1).data, IMAGES[1])


@pytest.mark.parametrize("place", [9, 13, 14, 40, 100])
def test_a_damaged_superblock_is_one_line_to_all_readers(tmp_path: Path, place: int) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file[PLACE] = IMAGES
    blob = bytearray((tmp_path / "a.h5").read_bytes())
    blob[place] ^= 0xFF
    (tmp_path / "a.h5").write_bytes(blob)
    for read in (
        lambda path: read_frame(path),
        lambda path: next(read_cases(str(path))),
        lambda path: growth(path, lambda file: True),
    ):
        with suppress(InputError):
            read(tmp_path / "a.h5")
