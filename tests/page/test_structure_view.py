"""Views of structures: what Python packs is what the script reads, and what a browser draws is right."""

import base64
import gzip
from typing import Any

import numpy as np
import pytest

from argand.errors import InputError
from argand.page.structure_view import IDENTITY, Density, DrawnStructure, Panel, packed_panels, structure_view


def unpacked(one: dict[str, Any]) -> np.ndarray:
    """What the page's script reads of an array."""
    whole = np.frombuffer(gzip.decompress(base64.b64decode(one["data"])), one["dtype"])
    return whole.reshape(one["shape"])


def salt(**more: Any) -> DrawnStructure:
    """Rock salt, all atoms of its cell."""
    corner = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    return DrawnStructure(
        ["Na"] * 4 + ["Cl"] * 4, np.vstack([corner, corner + 0.5]), np.eye(3) * 5.64, **more
    )


def test_coordinates_and_cells_come_back_as_they_were():
    rng = np.random.default_rng(0)
    frames = [
        DrawnStructure(["C", "O"], rng.uniform(-2, 2, (2, 3)), rng.normal(size=(3, 3))) for _ in range(3)
    ]
    data = packed_panels([Panel("a", frames)], None, "x")
    places = unpacked(data["places"]) * data["steps"][1]
    assert np.allclose(places.reshape(3, 2, 3), [one.frac for one in frames], atol=6e-6)
    assert np.allclose(unpacked(data["lattices"]), [one.lattice for one in frames], atol=1e-6)
    assert data["kinds"] == [(6, 8)]


def test_operations_are_rotations_and_24ths():
    screw = (((-1, 0, 0), (0, 1, 0), (0, 0, -1)), (0.0, 0.5, 1 / 3))
    data = packed_panels([Panel("", [salt(operations=(IDENTITY, screw))])], None, "x")
    assert data["operations"][0][1] == (-1, 0, 0, 0, 1, 0, 0, 0, -1, 0, 12, 8)


def test_a_density_comes_back_within_a_thousandth_of_its_range():
    values = np.random.default_rng(0).normal(size=(8, 10, 12))
    one = packed_panels([Panel("", [salt(density=Density(values))])], None, "x")["densities"][0]
    back = np.cumsum(unpacked(one["values"]), axis=2) * one["step"] + one["low"]
    assert np.abs(back - values).max() <= np.ptp(values) / 2000
    assert one["sigma"] == pytest.approx(values.std())


def test_a_large_density_keeps_its_low_frequencies():
    x = np.arange(80) / 80
    wave = 2 + np.cos(2 * np.pi * (3 * x[:, None, None] - 2 * x[:, None] + 5 * x))
    one = packed_panels([Panel("", [salt(density=Density(wave))])], None, "x")["densities"][0]
    back = np.cumsum(unpacked(one["values"]), axis=2) * one["step"] + one["low"]
    y = np.arange(64) / 64
    expected = 2 + np.cos(2 * np.pi * (3 * y[:, None, None] - 2 * y[:, None] + 5 * y))
    assert back.shape == (64, 64, 64)
    assert np.abs(back - expected).max() < 2e-3


@pytest.mark.parametrize(
    "wrong",
    [
        DrawnStructure(["C"], np.array([[0, 0, np.nan]]), np.eye(3)),
        DrawnStructure(["C", "C"], np.zeros((1, 3)), np.eye(3)),
        DrawnStructure(["C"], np.zeros((1, 3)), np.ones((3, 3))),
        DrawnStructure(["C"], np.zeros((1, 3)), np.eye(3), labels=["a", "b"]),
        DrawnStructure(["C"], np.zeros((1, 3)), None, density=Density(np.ones((4, 4, 4)))),
        DrawnStructure(["C"], np.zeros((1, 3)), np.eye(3), density=Density(np.full((4, 4, 4), np.nan))),
    ],
)
def test_a_structure_that_does_not_fit_together_is_refused(wrong: DrawnStructure):
    with pytest.raises(InputError):
        structure_view([Panel("", [wrong])], "wrong")


def test_hostile_names_stay_text():
    bad = "</script><img src=x onerror=alert(1)>"
    html = structure_view([Panel(bad, [salt(labels=[bad] * 8, title=bad, note=bad)])], bad, name=bad)
    assert "<img" not in html


def test_a_film_of_1500_frames_is_small():
    rng = np.random.default_rng(0)
    frames = [DrawnStructure(["Ti", "O", "O"] * 2, rng.random((6, 3)), np.eye(3) * 4) for _ in range(1500)]
    assert len(structure_view([Panel("", frames)], "film")) < 300_000
