"""CrystFEL's .geom with many panels: reading by the manual, moving, writing anew."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from argand.errors import InputError
from argand.io.geom_panels import move_geom, read_geom, write_geom_panels
from argand.io.geom_text import vector
from argand.io.panel_geometry import image_lookup, read_panels
from argand.physics.still.modular import RigidMotion
from argand.physics.still.modular_layout import LAYOUTS

GEOM = """\
; a detector of two panels, in two data blocks of a stack
photon_energy = 9500 eV
clen = 0.1 m          ; nominal
res = 10000
adu_per_photon = 2.5
dim0 = %
dim2 = ss
dim3 = fs
rigid_group_q0 = a,b
group_all = q0
coffset = 0.002

a/dim1 = 0
a/min_fs = 0
a/max_fs = 99
a/min_ss = 0
a/max_ss = 49
a/corner_x = -10.5   ; px
a/corner_y = 20.25
a/fs = -1.0x
a/ss = -y
res = 5000
b/dim1 = 1
b/min_fs = 10
b/max_fs = 59
b/min_ss = 5
b/max_ss = 44
b/corner_x = 7
b/corner_y = -3
b/fs = +0.8x +0.6y -0.01z
b/ss = -0.6x+8.0e-1y
b/coffset = -1 mm
badrow/panel = a
badrow/min_fs = 0
badrow/max_fs = 99
badrow/min_ss = 3
badrow/max_ss = 4
badspot/min_x = -12.0
badspot/max_x = -10.5
badspot/min_y = 0
badspot/max_y = 20.25
"""
TURN = Rotation.from_rotvec([0.01, -0.02, 0.003]).as_matrix()
MOTION = RigidMotion(TURN, np.array([1.5, -0.7, 2.0]))


@pytest.fixture
def geom(tmp_path: Path) -> Path:
    (tmp_path / "a.geom").write_text(GEOM)
    return tmp_path / "a.geom"


def test_positions_by_hand(geom: Path) -> None:
    model = read_geom(geom)
    a, b = model.panels.panels
    # Half a turn about the beam from CrystFEL's axes to ours; 0.1 and 0.2 mm pixels.
    assert np.allclose(a.frame, [(1.05, -2.025, 102.0), (0.1, 0, 0), (0, 0.1, 0)], rtol=0, atol=1e-12)
    expected = [(-1.4, 0.6, 99.0), (-0.16, -0.12, -0.002), (0.12, -0.16, 0.0)]
    assert np.allclose(b.frame, expected, rtol=0, atol=1e-12)
    assert (a.shape, a.first, a.leading) == ((50, 100), (0, 0), (0,))
    assert (b.shape, b.first, b.leading) == ((40, 50), (5, 10), (1,))
    assert model.wavelength == pytest.approx(12398.4198 / 9500, rel=1e-7)


def test_bad_regions_of_pixels_and_of_the_laboratory(geom: Path) -> None:
    model = read_geom(geom)
    good = model.good["a"]
    assert not good[3:5].any()
    # The corner is at (-10.5, 20.25) and both axes run towards negative ones: one column and 20 rows.
    assert not good[:20, 0].any()
    assert good[:3, 1:].all()
    assert good[25:].all()
    usable = model.usable((2, 60, 100))
    assert usable[:50].sum() == good.sum()
    assert usable.sum() == good.sum() + 40 * 50


def test_only_places_change_and_move_exactly(geom: Path, tmp_path: Path) -> None:
    move_geom(tmp_path / "b.geom", geom, MOTION)
    moved, expected = read_geom(tmp_path / "b.geom").panels, read_geom(geom).panels.moved(MOTION)
    for found, true in zip(moved.panels, expected.panels, strict=True):
        assert np.allclose(found.frame, true.frame, rtol=0, atol=1e-8)
        assert (found.shape, found.first, found.leading) == (true.shape, true.first, true.leading)
    old, new = GEOM.splitlines(), (tmp_path / "b.geom").read_text().splitlines()
    changed = [line for line, other in zip(old, new, strict=False) if line != other]
    assert all(
        line.split("=")[0].strip().split("/")[-1] in ("corner_x", "corner_y", "fs", "ss", "coffset")
        for line in changed
    )
    # Panel a had its coffset from a line for all, and gets one of its own.
    assert [line.split(" =")[0] for line in new[len(old) :]] == ["a/coffset"]
    assert any(line.startswith("a/corner_x") and line.endswith("   ; px") for line in new)


def test_no_motion_keeps_all_numbers(geom: Path, tmp_path: Path) -> None:
    nothing = RigidMotion(np.eye(3), np.zeros(3))
    move_geom(tmp_path / "b.geom", geom, nothing)
    for before, after in zip(
        read_geom(geom).panels.panels, read_geom(tmp_path / "b.geom").panels.panels, strict=True
    ):
        assert np.allclose(before.frame, after.frame, rtol=0, atol=1e-11)
    move_geom(tmp_path / "c.geom", tmp_path / "b.geom", nothing)
    assert (tmp_path / "c.geom").read_text() == (tmp_path / "b.geom").read_text()


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_new_file_reads_as_the_same_panels(tmp_path: Path, name: str) -> None:
    drawn = LAYOUTS[name](np.random.default_rng(2), 180.0, 4)
    write_geom_panels(tmp_path / "a.geom", drawn.panels, 1.2)
    model = read_panels(tmp_path / "a.geom", "image.cbf")
    assert model.wavelength == pytest.approx(1.2, rel=1e-9)
    for found, true in zip(model.panels.panels, drawn.panels.panels, strict=True):
        assert np.allclose(found.frame, true.frame, rtol=0, atol=1e-8)
        assert (found.name, found.shape, found.first, found.leading) == (
            true.name,
            true.shape,
            true.first,
            true.leading,
        )


def test_numbers_come_from_the_image_file(tmp_path: Path) -> None:
    text = GEOM.replace("9500 eV", "/LCLS/eV eV").replace("clen = 0.1 m ", "clen = /LCLS/encoder ")
    (tmp_path / "a.geom").write_text(text + "detector_shift_x = 0.5 mm\n")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["LCLS/eV"] = np.array([9000.0, 9500.0])
        file["LCLS/encoder"] = 100.0
    model = read_geom(tmp_path / "a.geom", image_lookup(str(tmp_path / "a.h5"), 1))
    assert model.wavelength == pytest.approx(12398.4198 / 9500, rel=1e-7)
    # Without a unit a place holds mm; the shift is along CrystFEL's x, which is ours reversed.
    assert np.allclose(model.panels.panels[0].origin_mm, (1.05 - 0.5, -2.025, 102.0), rtol=0, atol=1e-12)
    with pytest.raises(InputError, match=r"a\.geom: the image file has no number at /LCLS/encoder"):
        read_geom(tmp_path / "a.geom")


def test_vectors_as_the_manual_writes_them() -> None:
    assert np.allclose(vector("+0.5x -y", ""), [0.5, -1, 0])
    assert np.allclose(vector("x", ""), [1, 0, 0])
    assert np.allclose(vector("-1.5e-3x + .9999z", ""), [-0.0015, 0, 0.9999])
    for wrong in ("", "0.5", "0.5x + 3", "1.0w"):
        with pytest.raises(InputError, match="is not a direction"):
            vector(wrong, "a.geom")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (GEOM, "clen = 1\n", "no panels in it"),
        ("a/corner_x = -10.5", "a/corner = 1", "no corner_x for one of its panels"),
        ("a/corner_x = -10.5", "a/corner_x = left", "corner_x = left is not a number"),
        ("dim2 = ss\ndim3 = fs", "dim2 = fs\ndim3 = ss", "only ss and fs as the last ones are understood"),
        ("clen = 0.1 m", "clen = 4 inch", "'4 inch' is not a length in m or mm"),
        ("a/max_fs = 99", "a/max_fs = -1", "contain no pixels"),
        ("clen = 0.1 m", "clen_ = 1", "no clen for panel"),
    ],
)
def test_what_is_not_understood_is_said_in_one_line(tmp_path: Path, old: str, new: str, reason: str) -> None:
    (tmp_path / "a.geom").write_text(GEOM.replace(old, new))
    with pytest.raises(InputError, match=rf"a\.geom: .*{reason}") as caught:
        read_geom(tmp_path / "a.geom")
    assert "\n" not in str(caught.value)
