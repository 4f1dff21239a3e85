"""Numbers of geometry files that cannot be meant: one line, and no warning of numpy on the screen."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from argand.errors import InputError
from argand.io.beam_geometry import direction_meant, meant
from argand.io.expt import read_expt, read_expt_panels, write_expt
from argand.io.geom import write_geom
from argand.io.geom_panels import read_geom
from argand.io.imgcif import rotated
from argand.io.poni import read_poni, write_poni
from argand.io.xds import read_xds, write_xds
from argand.physics.still.detector import BeamGeometry

GEOMETRY = BeamGeometry((50.5, 40.5), 100.0, 1.0, (0.1, 0.1), 0.01, 0.02)
SHAPE = (80, 100)
VALUES = ("nan", "inf", "-inf", "1e300", "1e308", "1e-300", "5e-324", "0", "-1", "1e18", "9" * 400)
NUMBER = re.compile(r"(?<![A-Za-z_0-9.])-?\d+\.?\d*(?:[eE][-+]?\d+)?(?![A-Za-z_])")


def _written(path: Path, name: str) -> None:
    if name == "poni":
        write_poni(path, GEOMETRY, SHAPE)
    elif name == "xds":
        write_xds(path, GEOMETRY, SHAPE)
    elif name == "geom":
        write_geom(path, GEOMETRY, SHAPE)
    else:
        write_expt(path, GEOMETRY, SHAPE, ["a.cbf"], (0.0, 1e4))


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("poni", read_poni),
        ("xds", read_xds),
        ("geom", lambda path: read_geom(path, lambda place: None)),
        ("expt", read_expt),
        ("expt", read_expt_panels),
    ],
    ids=["poni", "xds", "geom", "expt", "expt panels"],
)
def test_numbers_that_cannot_be_meant_are_told_or_read_without_a_warning(
    tmp_path: Path, name: str, read: Callable[[Path], Any]
):
    path = tmp_path / f"a.{name}"
    _written(path, name)
    text = path.read_text()
    read(path)
    places = [found.span() for found in NUMBER.finditer(text)]
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for begin, end in places:
            for value in VALUES:
                value = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(value, value)
                path.write_text(text[:begin] + value + text[end:])
                try:
                    read(path)
                except InputError:
                    refused += 1
    assert refused > 3 * len(places) > 0


@pytest.mark.parametrize("value", ["nan", np.inf, -1e13, 10**400, None, "x", []])
def test_what_no_geometry_can_have_is_no_number(value: object):
    with pytest.raises(ValueError, match=r"impossible|number|convert"):
        meant(value)


def test_an_axis_without_a_direction_turns_nothing():
    for axis in ([0.0, 0.0, 0.0], [1e-300, 0.0, 0.0]):
        with pytest.raises(ValueError, match="not a direction"):
            direction_meant(axis)
        with pytest.raises(ValueError, match="not a direction"):
            rotated(np.ones(3), np.array(axis), 30.0)
