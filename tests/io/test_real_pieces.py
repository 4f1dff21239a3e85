"""Real files, whole or cut out of larger ones: what their headers, masks, gaps and spots say is true."""

import bz2
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from argand.io.cbf import cbf_stack
from argand.io.expt import read_expt, write_expt
from argand.io.image import Frame, read_frame
from argand.io.structure import read_structure
from argand.physics.crystal.structure import Structure
from argand.physics.still.panel import PANELS
from argand.physics.still.spot import find_spots

DATA = Path(__file__).parents[1] / "data"
FRAMES = DATA / "frames"
THAUMATIN = Path(__file__).parents[2] / "examples" / "data" / "thau_3_2_0006.cbf.bz2"
LCYSTEINE, SWUNG_OUT = FRAMES / "l-cyst_04_00001.cbf.bz2", FRAMES / "l-cyst_01_00001.cbf.bz2"
MIDDLE = Path(__file__).parents[2] / "src/argand/app/data/examples/thaumatin.cbf.bz2"
ADSC = FRAMES / "adsc_middle.img.bz2"
MIDDLE_FIRST_PX, MIDDLE_SIZE_PX, ADSC_FIRST_PX = (1020, 1070), 560, (900, 850)


@pytest.fixture(scope="module")
def thaumatin() -> Frame:
    return read_frame(THAUMATIN)


HEADERS = {
    THAUMATIN: ((2527, 2463), 0.172, 351.0, 0.96859, (1261.61, 1306.96), "PILATUS3 6M"),
    MIDDLE: ((560, 560), 0.172, 351.0, 0.96859, (1261.61 - 1020, 1306.96 - 1070), "PILATUS3 6M"),
    LCYSTEINE: ((1679, 1475), 0.172, 160.0, 0.6889, (730.0, 865.0), "PILATUS 2M"),
    SWUNG_OUT: ((1679, 1475), 0.172, 160.0, 0.6889, (730.0, 865.0), "PILATUS 2M"),
    ADSC: ((504, 504), 0.0816, 250.0, 1.0, (1216.91 - 900, 1143.38 - 850), "ADSC 423"),
}
"""Shape, pixel and distance in mm, wavelength in Å, stated beam centre in px, detector."""


@pytest.mark.parametrize("path", HEADERS, ids=lambda path: path.name)
def test_real_headers_are_what_is_known_of_the_images(path: Path) -> None:
    shape, pixel_mm, distance_mm, wavelength, centre, detector = HEADERS[path]
    frame = read_frame(path)
    assert frame.shape == shape
    assert frame.pixel_size_mm == pytest.approx((pixel_mm, pixel_mm))
    assert (frame.distance_mm, frame.wavelength) == pytest.approx((distance_mm, wavelength))
    assert frame.header_beam_centre_px == pytest.approx(centre, abs=0.006)
    assert frame.detector.startswith(detector)
    assert not any("checksum" in note for note in frame.notes)


def test_the_swung_out_detector_is_told_from_the_straight_one() -> None:
    swung = read_frame(SWUNG_OUT)
    assert (swung.two_theta_deg, read_frame(LCYSTEINE).two_theta_deg) == (30.0, 0.0)
    assert "its axis tables put the beam at 192.9, 865.0" in swung.notes[0]
    assert swung.oscillation_deg == pytest.approx(0.1)


def test_the_axis_tables_alone_give_the_geometry_of_the_swung_out_detector() -> None:
    """Without its miniCBF lines, the file is understood by its imgCIF tables."""
    text = bz2.decompress(SWUNG_OUT.read_bytes())
    bare = b"\r\n".join(line for line in text.split(b"\r\n") if not line.startswith(b"# "))
    header = cbf_stack(bare).header
    assert header.header_beam_centre_px == pytest.approx((192.93, 865.0), abs=0.01)
    assert (header.two_theta_deg, header.distance_mm) == pytest.approx((30.0, 160.0))


def test_the_adsc_note_names_the_keys_that_were_read() -> None:
    assert "DENZO_YBEAM, DENZO_XBEAM" in read_frame(ADSC).notes[0]


def test_gaps_are_those_of_the_real_detectors(thaumatin: Frame) -> None:
    for name, frame in (("pilatus-6m", thaumatin), ("pilatus-2m", read_frame(LCYSTEINE))):
        np.testing.assert_array_equal(PANELS[name].live(), frame.data != -1)
    slow, fast = (slice(first, first + MIDDLE_SIZE_PX) for first in MIDDLE_FIRST_PX[::-1])
    np.testing.assert_array_equal(PANELS["pilatus-6m"].live()[slow, fast], read_frame(MIDDLE).data != -1)


def test_real_masks_have_the_measured_share(thaumatin: Frame) -> None:
    assert 1 - thaumatin.mask.mean() == pytest.approx(0.0846, abs=2e-4)
    assert 1 - read_frame(LCYSTEINE).mask.mean() == pytest.approx(0.0798, abs=2e-4)
    assert read_frame(ADSC).mask.all()


def test_spots_of_the_real_image_are_those_that_another_finder_saw(thaumatin: Frame) -> None:
    """The counts of the stricter finder are those that tests/physics/still/test_spot.py states."""
    spots, _ = find_spots(thaumatin.data, thaumatin.mask, threshold=6.0)
    assert 1073 < len(spots) < 1.25 * (1073 + 255)
    np.testing.assert_allclose(np.percentile(spots.counts, [50, 90]), [348, 2465], rtol=0.2)
    radius = np.hypot(*(spots.px - [1261.42, 1307.24]).T)
    assert np.count_nonzero(radius < 800) == pytest.approx(819, rel=0.25)


def test_spots_of_a_piece_are_those_of_the_whole_image(thaumatin: Frame) -> None:
    first_px, size_px = (900, 950), 800
    slow, fast = (slice(first, first + size_px) for first in first_px[::-1])
    whole, _ = find_spots(thaumatin.data, thaumatin.mask, threshold=6.0)
    piece, _ = find_spots(thaumatin.data[slow, fast], thaumatin.mask[slow, fast], threshold=6.0)
    inside = whole.px - first_px
    kept = ((inside > 30) & (inside < size_px - 30)).all(axis=1)
    apart = np.linalg.norm(inside[kept, None] - piece.px[None], axis=-1).min(axis=1)
    # Blocks of the background lie elsewhere in the piece: the faintest spots may cross the threshold.
    strong = whole.counts[kept] > np.percentile(whole.counts[kept], 25)
    assert np.count_nonzero(strong) > 100
    assert np.all(apart[strong] < 0.1)
    assert np.mean(apart < 0.1) > 0.95


def test_the_model_that_dxtbx_made_of_the_swung_out_images_is_read_as_it_is_meant(tmp_path: Path) -> None:
    """Origin and axes as dials.import wrote them: dials/data-files, l_cysteine_dials_output (CC-BY 4.0)."""
    panel = {
        "origin": [-148.78, -28.738149699174144, -201.3440646055102],
        "fast_axis": [0.0, 0.8660254037843935, 0.5000000000000784],
        "slow_axis": [1.0, 0.0, 0.0],
        "pixel_size": [0.172, 0.172],
        "image_size": [1475, 1679],
        "thickness": 0.32,
        "mu": 1.4153520955616248,
        "trusted_range": [-1.0, 388705.0],
    }
    content = {
        "__id__": "ExperimentList",
        "experiment": [{"__id__": "Experiment", "beam": 0, "detector": 0, "scan": 0, "imageset": 0}],
        "imageset": [{"__id__": "ImageSequence", "template": "l-cyst_01_#####.cbf", "mask": ""}],
        "scan": [{"image_range": [1, 1]}],
        "beam": [{"direction": [0.0, 0.0, 1.0], "wavelength": 0.6889}],
        "detector": [{"panels": [panel]}],
    }
    (tmp_path / "a.expt").write_text(json.dumps(content))
    (images,) = read_expt(tmp_path / "a.expt")
    assert images.shape == (1679, 1475)
    assert images.geometry.beam_centre_px == pytest.approx((192.93, 865.0), abs=0.01)
    assert np.degrees(images.geometry.tilt) == pytest.approx(30.0)
    # Refined, the beam is elsewhere: written into the same list, it is read back.
    moved = images.geometry.with_centre((190.95, 866.31))
    write_expt(tmp_path / "b.expt", moved, images.shape, [], (0, 1), tmp_path / "a.expt")
    (again,) = read_expt(tmp_path / "b.expt")
    assert again.geometry.beam_centre_px == pytest.approx((190.95, 866.31), abs=1e-6)
    assert again.geometry.tilt == pytest.approx(moved.tilt)


def assert_same_crystal(one: Structure, other: Structure) -> None:
    """Each atom of one is an atom of the other to the digits that are written, in whatever order."""
    np.testing.assert_allclose(one.lattice, other.lattice, atol=1e-5)
    assert sorted(one.species) == sorted(other.species)
    apart = one.frac_coords[:, None] - other.frac_coords[None]
    same = (np.abs(apart - np.round(apart)) < 2e-6).all(-1) & (one.species[:, None] == other.species[None])
    assert (same.sum(0) == 1).all()
    assert (same.sum(1) == 1).all()


def test_the_pieces_are_what_their_script_makes(shared_data: Path, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_pieces", DATA / "make.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.make(shared_data, tmp_path)
    for name in ("frames", "measured", "materials"):
        kept = sorted((DATA / name).iterdir())
        assert [path.name for path in kept] == sorted(path.name for path in (tmp_path / name).iterdir())
        for path in kept:
            made = tmp_path / name / path.name
            if name == "materials":  # the version of argand is in these files
                assert_same_crystal(read_structure(made), read_structure(path))
            else:
                assert made.read_bytes() == path.read_bytes()
