"""DIALS detector models whose panels stand in space: hierarchy, motions, new files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from argand.io.expt import correct_expt, move_expt, read_expt, read_expt_panels
from argand.io.expt_stills import write_expt_panels
from argand.physics.still.modular import PanelSet, RigidMotion
from argand.physics.still.modular_layout import LAYOUTS
from argand.physics.still.projection import plane_of

MOTION = RigidMotion(Rotation.from_rotvec([0.01, -0.02, 0.0]).as_matrix(), np.array([1.5, -0.7, 2.0]))


def drawn(name: str = "cspad") -> PanelSet:
    return LAYOUTS[name](np.random.default_rng(2), 180.0, 4).panels


def same(found: PanelSet, true: PanelSet) -> bool:
    frames = [np.array([panel.frame for panel in panels.panels]) for panels in (found, true)]
    places = [[(p.name, p.shape, p.first, p.leading) for p in panels.panels] for panels in (found, true)]
    return np.allclose(*frames, rtol=0, atol=1e-9) and places[0] == places[1]


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_new_file_reads_as_the_same_panels(tmp_path: Path, name: str) -> None:
    write_expt_panels(tmp_path / "a.expt", drawn(name), 1.2, [("a.h5", 3)], (0, 100))
    model = read_expt_panels(tmp_path / "a.expt")
    assert model.wavelength == pytest.approx(1.2)
    assert same(model.panels, drawn(name))
    (images,) = read_expt(tmp_path / "a.expt")
    assert images.panels is not None
    assert same(images.panels, drawn(name))
    assert images.frames[0][1] == 3


def grouped(content: dict[str, Any]) -> dict[str, Any]:
    """The same detector with its panels hung on two turned groups in a turned root."""
    detector = content["detector"][0]
    turns = [Rotation.from_rotvec(v) for v in ([0.1, 0.2, 0.3], [0.0, 0.4, -0.1], [-0.3, 0.0, 0.2])]
    shifts = np.array([(5.0, 3.0, -180.0), (1.0, 2.0, 3.0), (-4.0, 0.5, 1.0)])
    group = [
        (turns[0] * turn, shifts[0] + turns[0].apply(shift))
        for turn, shift in zip(turns, shifts, strict=True)
    ]

    def node(turn: Rotation, shift: np.ndarray, children: list[Any]) -> dict[str, Any]:
        axes = turn.as_matrix().T.tolist()
        return {"fast_axis": axes[0], "slow_axis": axes[1], "origin": list(shift), "children": children}

    half = len(detector["panels"]) // 2
    children: list[list[Any]] = [[], []]
    for index, panel in enumerate(detector["panels"]):
        turn, shift = group[1 + (index >= half)]
        for axis in ("fast_axis", "slow_axis"):
            panel[axis] = turn.inv().apply(panel[axis]).tolist()
        panel["origin"] = turn.inv().apply(np.array(panel["origin"]) - shift).tolist()
        children[index >= half].append({"panel": index})
    inner = [node(turns[n + 1], shifts[n + 1], children[n]) for n in (0, 1)]
    detector["hierarchy"] = node(turns[0], shifts[0], inner)
    return content


@pytest.mark.parametrize("hierarchy", [False, True])
def test_all_panels_move_together(tmp_path: Path, hierarchy: bool) -> None:
    write_expt_panels(tmp_path / "a.expt", drawn(), 1.2, ["a.cbf"], (0, 100))
    content = json.loads((tmp_path / "a.expt").read_text())
    content["detector"][0]["panels"][3]["gain"] = 1.25
    (tmp_path / "a.expt").write_text(json.dumps(grouped(content) if hierarchy else content))
    assert same(read_expt_panels(tmp_path / "a.expt").panels, drawn())
    move_expt(tmp_path / "b.expt", tmp_path / "a.expt", MOTION)
    assert same(read_expt_panels(tmp_path / "b.expt").panels, drawn().moved(MOTION))
    new = json.loads((tmp_path / "b.expt").read_text())["detector"][0]
    assert new["panels"][3]["gain"] == 1.25
    if hierarchy:
        # The root alone has moved.
        assert (
            new["panels"] == grouped(content)["detector"][0]["panels"]
            or new["hierarchy"]["children"] == (content["detector"][0]["hierarchy"]["children"])
        )


def test_a_corrected_list_moves_its_panels_as_the_plane_moves(tmp_path: Path) -> None:
    write_expt_panels(tmp_path / "a.expt", drawn(), 1.2, ["a.cbf"], (0, 100))
    (images,) = read_expt(tmp_path / "a.expt")
    upright = plane_of(drawn()).geometry(1.2)
    assert images.geometry == upright
    fast, slow = upright.beam_centre_px
    found = upright.with_centre((fast + 3.0, slow - 2.0))
    correct_expt(tmp_path / "b.expt", tmp_path / "a.expt", [found])
    expected = drawn().moved(RigidMotion.to_geometry(upright, found))
    assert same(read_expt_panels(tmp_path / "b.expt").panels, expected)


def test_a_beam_along_any_axis_gives_the_same_distances(tmp_path: Path) -> None:
    write_expt_panels(tmp_path / "a.expt", drawn(), 1.2, ["a.cbf"], (0, 100))
    content = json.loads((tmp_path / "a.expt").read_text())
    turn = Rotation.from_rotvec([0.3, 1.1, -0.6])
    content["beam"][0]["direction"] = turn.apply([0, 0, 1]).tolist()
    for panel in content["detector"][0]["panels"]:
        for key in ("origin", "fast_axis", "slow_axis"):
            panel[key] = turn.apply(panel[key]).tolist()
    (tmp_path / "b.expt").write_text(json.dumps(content))
    turned = read_expt_panels(tmp_path / "b.expt").panels
    for panel, other in zip(turned.panels, drawn().panels, strict=True):
        corners, others = panel.corners_mm(), other.corners_mm()
        assert np.allclose(corners[:, 2], others[:, 2], rtol=0, atol=1e-9)
        assert np.allclose(np.hypot(*corners[:, :2].T), np.hypot(*others[:, :2].T), rtol=0, atol=1e-9)
