"""Chains of axes in NeXus files give the place and the directions that the nxmx package gives."""

from pathlib import Path

import h5py
import numpy as np
import nxmx
import pytest

from argand.io.nxaxes import carried, module_geometry
from argand.typing import Vector3

LENGTHS = {"m": 1e-3, "mm": 1.0, "cm": 0.1, "um": 1e3}


def axis(group: h5py.Group, name: str, value: float, **attributes: object) -> h5py.Dataset:
    """One axis with its attributes."""
    group[name] = value
    group[name].attrs.update(attributes)
    return group[name]


def unit(random: np.random.Generator) -> Vector3:
    """A direction drawn at random."""
    return (vector := random.normal(size=3)) / np.linalg.norm(vector)


def chain(file: h5py.File, random: np.random.Generator, count: int) -> h5py.Dataset:
    """A module whose fast pixels are carried by `count` turns and shifts of various units and offsets."""
    stages, parent = file.create_group("stages"), "."
    for number in range(count):
        attributes = {"vector": unit(random), "depends_on": parent}
        length = str(random.choice(list(LENGTHS)))
        if random.random() < 0.7:
            attributes |= {"offset": random.normal(0, 30, 3) * LENGTHS[length], "offset_units": length}
        if random.random() < 0.5:
            kind, units, value = "rotation", str(random.choice(["deg", "rad"])), random.normal(0, 1.0)
        else:
            kind, units, value = "translation", length, random.normal(0, 80.0) * LENGTHS[length]
        axis(stages, f"a{number}", value, transformation_type=kind, units=units, **attributes)
        parent = f"/stages/a{number}"
    module = file.create_group("module")
    told = {"transformation_type": "translation", "units": "mm", "depends_on": parent}
    return axis(module, "fast_pixel_direction", 0.1, vector=unit(random), **told)


@pytest.mark.parametrize("seed", range(40))
def test_places_and_directions_are_those_of_the_nxmx_package(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        fast = chain(file, random, int(random.integers(1, 7)))
        theirs = nxmx.NXtransformationsAxis(fast)
        place = nxmx.get_cumulative_transformation(nxmx.get_dependency_chain(theirs.depends_on))[0]
        vector = np.asarray(fast.attrs["vector"])
        assert carried(fast, np.zeros(3), True) == pytest.approx(place[:3, 3], abs=1e-8)
        assert carried(fast, vector, False) == pytest.approx(place[:3, :3] @ vector, abs=1e-10)


def detector(file: h5py.File) -> h5py.Group:
    """A detector 200 mm behind the sample, its first corner at (1.5, 2) mm, units and types unstated."""
    group = file.create_group("detector")
    axis(group, "z", 0.2, vector=[0.0, 0.0, 1.0])
    module = group.create_group("module")
    module.attrs["NX_class"] = "NXdetector_module"
    told = {"depends_on": "/detector/z", "offset": [1.5, 2.0, 0.0]}
    axis(module, "fast_pixel_direction", 1e-4, vector=[-1.0, 0.0, 0.0], offset_units="mm", **told)
    axis(module, "slow_pixel_direction", 1e-4, vector=[0.0, -1.0, 0.0], offset_units="mm", **told)
    return group


def test_older_files_that_nxmx_refuses_are_read(tmp_path: Path) -> None:
    """Without units, as Dectris wrote them, lengths are metres; without a type, an axis shifts."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = detector(file)
        found = module_geometry(group, 1.0)
        with pytest.raises(TypeError, match="units"):
            _ = nxmx.NXtransformationsAxis(group["z"]).matrix
    assert found is not None
    assert found.distance_mm == pytest.approx(200.0)
    assert found.beam_centre_px == pytest.approx((15.0, 20.0))


@pytest.mark.parametrize("parent", ["/nowhere", "/detector/module/fast_pixel_direction", "/detector"])
def test_a_chain_that_leads_nowhere_gives_no_geometry(tmp_path: Path, parent: str) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = detector(file)
        group["z"].attrs["depends_on"] = parent
        assert module_geometry(group, 1.0) is None
