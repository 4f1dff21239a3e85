"""CXI files say how patterns were measured, in whatever units they state, and hold found objects."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from argand.errors import InputError
from argand.io.cxi import IN_SUPPORT, FoundObject, Optics, write_cxi
from argand.io.pattern import Pattern, read_patterns
from argand.units import HC_KEV_ANGSTROM, JOULES_PER_KEV

WAVELENGTH, DISTANCE_MM, PIXEL_MM = 1.5, 400.0, 2.4
SIDE = WAVELENGTH * DISTANCE_MM / PIXEL_MM
JOULES = HC_KEV_ANGSTROM / WAVELENGTH * JOULES_PER_KEV
DETECTOR, SOURCE = "entry_1/instrument_1/detector_1", "entry_1/instrument_1/source_1"
Value = float | tuple[float, str] | list[float]


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).gamma(1.0, 50.0, (3, 20, 20)).astype(np.float32)


@pytest.fixture
def measured(tmp_path: Path, values: np.ndarray) -> Callable[..., str]:
    """Writes a CXI file of three patterns with these numbers, `(value, units)` or bare, and names it."""

    def write(numbers: dict[str, Value], places: tuple[str, str] = (DETECTOR, SOURCE)) -> str:
        with h5py.File(tmp_path / "a.cxi", "w") as file:
            file["cxi_version"] = 160
            file[f"{DETECTOR}/data"] = values
            file["entry_1/data_1/data"] = h5py.SoftLink(f"/{DETECTOR}/data")
            for name, value in numbers.items():
                group = places[name in ("energy", "wavelength")]
                bare = value[0] if isinstance(value, tuple) else value
                file[f"{group}/{name}"] = bare
                if isinstance(value, tuple):
                    file[f"{group}/{name}"].attrs["units"] = value[1]
        return str(tmp_path / "a.cxi")

    return write


SI: dict[str, Value] = {"distance": 0.4, "x_pixel_size": 2.4e-3, "y_pixel_size": 2.4e-3, "energy": JOULES}


def sides(name: str) -> list[float | None]:
    return [one.window_side for one in read_patterns(name)]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"energy": (JOULES / JOULES_PER_KEV, "keV")},
        {"energy": (1e3 * JOULES / JOULES_PER_KEV, "eV")},
        {"energy": 1e3 * JOULES / JOULES_PER_KEV},
        {"distance": (400.0, "mm"), "x_pixel_size": (2400.0, "um"), "y_pixel_size": (2.4, "mm")},
        {"wavelength": WAVELENGTH * 1e-10},
        {"wavelength": (WAVELENGTH, "angstrom")},
        {"distance": [0.4, 0.4, 0.4], "energy": [JOULES] * 3},
    ],
)
def test_distance_pixel_and_energy_give_the_window(measured: Callable[..., str], change: dict[str, Value]):
    assert sides(measured(SI | change)) == [pytest.approx(SIDE, rel=1e-6)] * 3


def test_the_wavelength_alone_does_and_so_do_image_1_and_nexus_names(measured: Callable[..., str]):
    numbers = {name: value for name, value in SI.items() if name != "energy"}
    numbers["wavelength"] = WAVELENGTH * 1e-10
    for places in (
        (DETECTOR, SOURCE),
        ("entry_1/image_1/detector_1", "entry_1/image_1/source_1"),
        ("entry/instrument/detector", "entry/instrument/beam"),
    ):
        assert sides(measured(numbers, places)) == [pytest.approx(SIDE, rel=1e-6)] * 3


def test_each_pattern_has_its_own_distance(measured: Callable[..., str]):
    found = sides(measured(SI | {"distance": [0.2, 0.4, 0.8]}))
    assert found == [pytest.approx(share * SIDE) for share in (0.5, 1.0, 2.0)]
    assert sides(measured(SI | {"distance": [0.2, 0.4, 0.8]}) + "#2") == [pytest.approx(2 * SIDE)]


@pytest.mark.parametrize("missing", ["distance", "energy", ("x_pixel_size", "y_pixel_size")])
def test_what_is_not_stated_gives_no_window(measured: Callable[..., str], missing: str | tuple[str, ...]):
    numbers = {name: value for name, value in SI.items() if name not in missing}
    assert sides(measured(numbers)) == [None] * 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y_pixel_size": 1.2e-3}, "2.4 mm in x and 1.2 mm in y are not square"),
        ({"distance": 0.0}, "a distance of 0 mm"),
        ({"distance": -0.4}, "a distance of -400 mm"),
        ({"distance": np.nan}, "a distance of nan mm"),
        ({"distance": (0.4, "furlong")}, "'furlong', an unknown unit"),
        ({"distance": [0.4, 0.5]}, "2 values for 3 patterns"),
        ({"x_pixel_size": 1e-9, "y_pixel_size": 1e-9}, "a pixel size of 1e-06 mm"),
        ({"energy": 0.0}, "photon energy of 0 keV"),
        ({"energy": 1e-3}, "wavelength of"),
        ({"wavelength": 2e-10}, "do not agree"),
    ],
)
def test_what_cannot_be_meant_is_one_line_unless_no_one_asks(
    measured: Callable[..., str], change: dict[str, Value], words: str
):
    name = measured(SI | change)
    with pytest.raises(InputError, match=words) as raised:
        sides(name)
    assert str(raised.value).startswith(f"{name}: ")
    assert "\n" not in str(raised.value)
    assert len(list(read_patterns(name, window=False))) == 3


def test_small_angles_are_an_approximation():
    optics = Optics(DISTANCE_MM, (PIXEL_MM, PIXEL_MM), WAVELENGTH)
    assert optics.shortfall(1e-3) == pytest.approx(0.0, abs=1e-6)
    angle = np.radians(20.0)
    small = 2 * np.pi / WAVELENGTH * np.tan(angle)
    true = 4 * np.pi / WAVELENGTH * np.sin(angle / 2)
    assert optics.shortfall(small) == pytest.approx(1 - true / small)


def found_object(optics: Optics | None) -> FoundObject:
    random = np.random.default_rng(1)
    density = random.gamma(1.0, 9.0, (24, 24)).astype(np.float32)
    live = np.ones((24, 24), bool)
    live[12, 12], live[3] = False, False
    intensity = np.where(live, random.poisson(40, (24, 24)), 0).astype(np.float32)
    return FoundObject(density, 0.1 * density, density > 5, SIDE, intensity, live, optics)


def only(name: Path) -> Pattern:
    (one,) = read_patterns(str(name))
    return one


@pytest.mark.parametrize("optics", [None, Optics(DISTANCE_MM, (PIXEL_MM, PIXEL_MM), WAVELENGTH)])
def test_a_found_object_comes_back_by_h5py_and_its_pattern_by_our_reader(
    tmp_path: Path, optics: Optics | None
):
    found = found_object(optics)
    write_cxi(tmp_path / "a.cxi", found, "an object", {"notes": "none"})
    with h5py.File(tmp_path / "a.cxi") as file:
        assert file["cxi_version"][()] == 160
        image = file["entry_1/image_1"]
        np.testing.assert_array_equal(image["data"], found.density)
        np.testing.assert_array_equal(image["data_error"], found.deviation)
        np.testing.assert_array_equal(np.asarray(image["mask"]) == IN_SUPPORT, found.support)
        assert image["data_space"].asstr()[()] == "real"
        np.testing.assert_allclose(image["image_size"], [SIDE * 1e-10, SIDE * 1e-10, 0.0])
        assert ("source_1" in image) == ("distance" in image["detector_1"]) == (optics is not None)
        if optics is not None:
            assert image["source_1/energy"][()] == pytest.approx(JOULES)
            assert image["detector_1/distance"][()] == pytest.approx(0.4)
    again = only(tmp_path / "a.cxi")
    np.testing.assert_array_equal(again.intensity, found.intensity)
    np.testing.assert_array_equal(again.live, found.live)
    assert again.window_side == pytest.approx(SIDE, rel=1e-6)


def test_an_object_in_real_space_is_not_taken_for_the_pattern(tmp_path: Path):
    write_cxi(tmp_path / "a.cxi", found_object(None), "an object", {})
    with h5py.File(tmp_path / "a.cxi", "a") as file:
        del file["entry_1/data_1/data"], file["entry_1/data_1/mask"]
        file["entry_1/data_1/data"] = h5py.SoftLink("/entry_1/image_1/data")
    np.testing.assert_array_equal(only(tmp_path / "a.cxi").intensity, found_object(None).intensity)
