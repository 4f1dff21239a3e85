"""Beam geometry files: what one program writes, every other must read as the same experiment."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argand.errors import InputError, OutputError
from argand.io.geom import write_geom
from argand.io.poni import read_poni, write_poni
from argand.io.xds import read_xds, write_xds
from argand.physics.still.detector import BeamGeometry
from argand.units import HC_KEV_ANGSTROM

SHAPE = (619, 487)
PIXELS = np.array([[0.5, 0.5], [486.5, 0.5], [0.5, 618.5], [243.5, 309.5], [100.5, 555.5]])
SWUNG_OUT = BeamGeometry((190.95, 866.31), 184.65, 0.6889, (0.172, 0.172), pitch=0.01, yaw=np.radians(30.1))
PER_EXAMPLE_FOLDER = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def bounded(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


GEOMETRIES = st.builds(
    BeamGeometry,
    st.tuples(bounded(-300, 800), bounded(-300, 900)),
    bounded(50, 900),
    bounded(0.3, 3.0),
    st.tuples(bounded(0.05, 0.2), bounded(0.05, 0.2)),
    bounded(-0.6, 0.6),
    bounded(-0.6, 0.6),
)


def read_geom(path: Path) -> dict[str, str]:
    """Entries of a CrystFEL file, comments removed, panel names dropped."""
    lines = (line.split(";")[0] for line in path.read_text().splitlines())
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {key.strip().removeprefix("panel/"): value.strip() for key, value in pairs}


def geom_vector(text: str) -> np.ndarray:
    """Components of a CrystFEL direction such as `-0.5x +0.8y +0.1z`."""
    parts = {axis: float(number) for number, axis in re.findall(r"([+-][0-9.]+)([xyz])", text)}
    return np.array([parts.get(axis, 0.0) for axis in "xyz"])


def geom_two_theta(path: Path, px: np.ndarray) -> np.ndarray:
    """Scattering angles by CrystFEL's rule: (corner + fs * fast + ss * slow) / res, z from clen + coffset."""
    entries = read_geom(path)
    pitch_m = 1 / float(entries["res"])
    clen, unit = entries["clen"].split()
    assert unit == "m"
    corner = [float(entries["corner_x"]), float(entries["corner_y"])]
    corner += [(float(clen) + float(entries["coffset"])) / pitch_m]
    steps = px[:, :1] * geom_vector(entries["fs"]) + px[:, 1:] * geom_vector(entries["ss"])
    lab = (steps + corner) * pitch_m
    return np.arctan2(np.hypot(lab[:, 0], lab[:, 1]), lab[:, 2])


def same_experiment(first: BeamGeometry, second: BeamGeometry) -> bool:
    pairs = [(getattr(first, name), getattr(second, name)) for name in vars(first)]
    return all(np.allclose(one, other, rtol=1e-8, atol=1e-5) for one, other in pairs)


@PER_EXAMPLE_FOLDER
@given(GEOMETRIES)
def test_pyfai_sees_the_same_two_theta_and_beam_centre(tmp_path: Path, geometry: BeamGeometry) -> None:
    geometries = pytest.importorskip("pyFAI.geometry")
    write_poni(tmp_path / "a.poni", geometry, SHAPE)
    loaded = geometries.Geometry()
    loaded.load(str(tmp_path / "a.poni"))
    # pyFAI takes (slow, fast) pixel indices and adds the half pixel itself.
    theirs = loaded.tth(PIXELS[:, 1] - 0.5, PIXELS[:, 0] - 0.5)
    assert np.allclose(theirs, geometry.two_theta(PIXELS), rtol=0, atol=1e-6)
    fit2d = loaded.getFit2D()
    assert np.allclose([fit2d["centerX"], fit2d["centerY"]], geometry.beam_centre_px, atol=1e-4)
    assert fit2d["directDist"] == pytest.approx(geometry.distance_mm, rel=1e-6)
    assert loaded.detector.max_shape == SHAPE


def test_pyfai_places_pixels_where_we_do(tmp_path: Path) -> None:
    geometries = pytest.importorskip("pyFAI.geometry")
    write_poni(tmp_path / "a.poni", SWUNG_OUT, SHAPE)
    loaded = geometries.Geometry()
    loaded.load(str(tmp_path / "a.poni"))
    beam, slow, fast = loaded.calc_pos_zyx(d1=PIXELS[:, 1] - 0.5, d2=PIXELS[:, 0] - 0.5)
    theirs_mm = 1000 * np.stack([fast, slow, beam], axis=1)
    assert np.allclose(theirs_mm, SWUNG_OUT.lab_from_px(PIXELS), atol=1e-6)


@PER_EXAMPLE_FOLDER
@given(GEOMETRIES)
def test_every_format_gives_the_same_two_theta(tmp_path: Path, geometry: BeamGeometry) -> None:
    write_poni(tmp_path / "a.poni", geometry, SHAPE)
    write_xds(tmp_path / "a.inp", geometry, SHAPE)
    write_geom(tmp_path / "a.geom", geometry, SHAPE)
    expected = geometry.two_theta(PIXELS)
    assert np.allclose(read_poni(tmp_path / "a.poni").two_theta(PIXELS), expected, rtol=0, atol=1e-6)
    assert np.allclose(read_xds(tmp_path / "a.inp").two_theta(PIXELS), expected, rtol=0, atol=1e-6)
    assert np.allclose(geom_two_theta(tmp_path / "a.geom", PIXELS), expected, rtol=0, atol=1e-6)


@PER_EXAMPLE_FOLDER
@given(GEOMETRIES)
def test_poni_and_xds_return_every_parameter(tmp_path: Path, geometry: BeamGeometry) -> None:
    write_poni(tmp_path / "a.poni", geometry, SHAPE)
    write_xds(tmp_path / "a.inp", geometry, SHAPE)
    assert same_experiment(read_poni(tmp_path / "a.poni"), geometry)
    assert same_experiment(read_xds(tmp_path / "a.inp"), geometry)


def test_poni_written_by_pyfai_with_a_turn_about_the_beam_is_read(tmp_path: Path) -> None:
    geometries = pytest.importorskip("pyFAI.geometry")
    theirs = geometries.Geometry(
        0.2, 0.05, 0.04, 0.1, -0.2, 0.7, pixel1=172e-6, pixel2=100e-6, wavelength=1e-10
    )
    theirs.save(str(tmp_path / "b.poni"))
    ours = read_poni(tmp_path / "b.poni")
    expected = theirs.tth(PIXELS[:, 1] - 0.5, PIXELS[:, 0] - 0.5)
    assert np.allclose(ours.two_theta(PIXELS), expected, rtol=0, atol=1e-6)
    assert np.allclose(ours.poni_px, (0.04 / 100e-6, 0.05 / 172e-6))


def test_poni_of_the_first_version_is_read_and_its_last_entry_counts(tmp_path: Path) -> None:
    old = ["PixelSize1: 1e-4", "PixelSize2: 2e-4", "Distance: 9", "Distance: 0.1"]
    old += ["Poni1: 0.01", "Poni2: 0.03", "Rot1: 0", "Rot2: 0", "Rot3: 0", "Wavelength: 1.5e-10"]
    (tmp_path / "old.poni").write_text("\n".join(old))
    expected = BeamGeometry((150.0, 100.0), 100.0, 1.5, (0.2, 0.1))
    assert same_experiment(read_poni(tmp_path / "old.poni"), expected)


def test_xds_counts_the_first_pixel_centre_as_one(tmp_path: Path) -> None:
    write_xds(tmp_path / "a.inp", BeamGeometry((0.5, 10.5), 200.0, 1.0, (0.1, 0.1)), SHAPE)
    text = (tmp_path / "a.inp").read_text()
    assert "NX= 487 NY= 619 QX= 0.1 QY= 0.1" in text
    assert "ORGX= 1.000000 ORGY= 11.000000" in text


def test_xds_gives_the_foot_and_the_perpendicular_distance_of_a_swung_out_detector(tmp_path: Path) -> None:
    write_xds(tmp_path / "a.inp", SWUNG_OUT, (1679, 1475))
    text = (tmp_path / "a.inp").read_text()
    orgx, orgy, distance = re.findall(r"(?:ORG.|DETECTOR_DISTANCE)= ([0-9.]+)", text)
    expected = (*np.add(SWUNG_OUT.poni_px, 0.5), SWUNG_OUT.perpendicular_distance_mm)
    assert np.allclose((float(orgx), float(orgy), float(distance)), expected, atol=1e-5)
    assert abs(SWUNG_OUT.poni_px[0] - SWUNG_OUT.beam_centre_px[0]) > 500


def test_xds_input_in_another_frame_is_read_the_same(tmp_path: Path) -> None:
    lines = ["ORGX=244.5 ORGY=310.5 ! foot", "DETECTOR_DISTANCE= -150.", "QX=0.172  QY=0.172 NX=487 NY=619"]
    lines += ["DIRECTION_OF_DETECTOR_X-AXIS= 0 -1 0", "DIRECTION_OF_DETECTOR_Y-AXIS=0 0 1"]
    lines += ["INCIDENT_BEAM_DIRECTION=2 0 0", "X-RAY_WAVELENGTH= 0.98 FRIEDEL'S_LAW=TRUE"]
    (tmp_path / "XDS.INP").write_text("\n".join(lines))
    expected = BeamGeometry((244.0, 310.0), 150.0, 0.98, (0.172, 0.172))
    assert same_experiment(read_xds(tmp_path / "XDS.INP"), expected)


def test_crystfel_corner_is_the_outer_corner_seen_from_the_beam(tmp_path: Path) -> None:
    geometry = BeamGeometry((243.25, 310.75), 150.0, 1.0, (0.1, 0.1))
    write_geom(tmp_path / "a.geom", geometry, SHAPE)
    entries = read_geom(tmp_path / "a.geom")
    assert np.allclose(geom_vector(entries["fs"]), [-1, 0, 0])
    assert np.allclose(geom_vector(entries["ss"]), [0, -1, 0])
    assert (float(entries["corner_x"]), float(entries["corner_y"])) == (243.25, 310.75)
    assert (entries["max_fs"], entries["max_ss"]) == ("486", "618")
    assert float(entries["photon_energy"].removesuffix(" eV")) == pytest.approx(HC_KEV_ANGSTROM * 1000)


def test_crystfel_bad_regions_are_the_bands_between_modules(tmp_path: Path) -> None:
    good = np.ones((20, 30), bool)
    good[5:7] = good[:, 29] = good[10, 3] = False
    write_geom(tmp_path / "a.geom", BeamGeometry((15, 10), 150.0, 1.0, (0.1, 0.1)), good.shape, good)
    covered = np.ones_like(good)
    entries = read_geom(tmp_path / "a.geom")
    for name in {key.split("/")[0] for key in entries if key.startswith("bad")}:
        limits = [int(entries[f"{name}/{key}"]) for key in ("min_ss", "max_ss", "min_fs", "max_fs")]
        covered[limits[0] : limits[1] + 1, limits[2] : limits[3] + 1] = False
    good[10, 3] = True
    assert np.array_equal(covered, good)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("Distance: 0.1", "pixel size"),
        ("PixelSize1: 1e-4\nPixelSize2: 1e-4\nDistance: 0.1\nPoni1: 0", "poni2"),
        ('Detector_config: {"pixel1": 1e-4, "pixel2": 1e-4, "orientation": 2}', "orientation"),
    ],
)
def test_an_incomplete_poni_file_is_named_with_what_is_missing(
    tmp_path: Path, content: str, complaint: str
) -> None:
    (tmp_path / "bad.poni").write_text(content)
    with pytest.raises(InputError, match=f"bad.poni.*{complaint}"):
        read_poni(tmp_path / "bad.poni")


def test_an_incomplete_xds_file_is_named_with_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "XDS.INP").write_text("QX= 0.1 QY= 0.1 ORGX= 1")
    with pytest.raises(InputError, match=r"XDS.INP.*ORGY"):
        read_xds(tmp_path / "XDS.INP")
    with pytest.raises(InputError, match=r"none.INP: no such file"):
        read_xds(tmp_path / "none.INP")


def test_a_detector_along_the_beam_is_refused(tmp_path: Path) -> None:
    write_xds(tmp_path / "XDS.INP", SWUNG_OUT, SHAPE)
    text = (tmp_path / "XDS.INP").read_text().replace("DIRECTION= 0 0 1", "DIRECTION= 0.8652 0 -0.5014")
    (tmp_path / "XDS.INP").write_text(text)
    with pytest.raises(InputError, match=r"XDS.INP: the beam does not hit"):
        read_xds(tmp_path / "XDS.INP")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.geom"
    write_geom(target, SWUNG_OUT, SHAPE)
    before = target.read_text()

    def refused(*arguments: object) -> None:
        raise OSError

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(OutputError, match=r"a\.geom"):
        write_geom(target, BeamGeometry((1.0, 1.0), 100.0, 1.0, (0.1, 0.1)), SHAPE)
    assert target.read_text() == before
