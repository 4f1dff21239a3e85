"""Every example runs as it stands, in an empty folder."""

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


def test_every_example_is_run_here():
    assert {path.name for path in EXAMPLES.glob("*.py")} == LEAVES.keys()


@pytest.mark.parametrize("name", LEAVES)
def test_the_example_runs(name: str, tmp_path: Path):
    answer = subprocess.run([sys.executable, EXAMPLES / name], cwd=tmp_path, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    answers = ("beam centre", "found (", "found 3x3", "trusted True", "found 28 atoms, 28 species right")
    assert any(words in answer.stdout for words in answers)
    assert {path.name for path in tmp_path.iterdir()} == LEAVES[name]
