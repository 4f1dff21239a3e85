"""Every example runs as it stands, in an empty folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
LEAVES = {
    "convert_geometry.py": {"detector.poni", "detector.geom", "detector.xds"},
    "crystals.py": set(),
    "molmnist.py": set(),
    "molmnist_model.py": set(),
    "molmnist_own_molecules.py": set(),
    "predict_images.py": set(),
    "predict_image.py": {"thaumatin.poni", "thaumatin.xds"},
    "simulate_stills.py": set(),
    "solve_crystal.py": set(),
    "solve_patterson.py": set(),
}


HOSTED = "gradio_demo.py"
"""Needs Gradio, which no other part of the project does; it is run with a stand-in that asks once."""
STAND_IN = """import types, sys
from pathlib import Path

def interface(answer, given, shown, title):
    picture, numbers = answer(sys.argv[1])
    print("beam centre", numbers["beam_centre_px"], "picture", picture.size)
    return types.SimpleNamespace(launch=lambda: None)

File = Image = JSON = lambda: None
Interface = interface
"""


def test_every_example_is_run_here():
    assert {path.name for path in EXAMPLES.glob("*.py")} == LEAVES.keys() | {HOSTED}


def test_the_hosted_demo_answers_an_image(tmp_path: Path):
    (tmp_path / "gradio.py").write_text(STAND_IN, encoding="utf-8")
    image = EXAMPLES / "data" / "thau_3_2_0006.cbf.bz2"
    settings = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, EXAMPLES / HOSTED, image]
    answer = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert "beam centre [" in answer.stdout or "beam centre (" in answer.stdout
    assert "picture (" in answer.stdout


@pytest.mark.parametrize("name", LEAVES)
def test_the_example_runs(name: str, tmp_path: Path):
    answer = subprocess.run([sys.executable, EXAMPLES / name], cwd=tmp_path, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    answers = ("beam centre", "found (", "found 3x3", "trusted True", "found 28 atoms, 28 species right")
    assert any(words in answer.stdout for words in answers)
    assert {path.name for path in tmp_path.iterdir()} == LEAVES[name]
