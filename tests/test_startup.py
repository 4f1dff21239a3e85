"""A verb imports what it needs alone: in a fresh interpreter, libraries that it does not need stay out.

What is looked at is the list of modules after the verb has answered, never a time.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

DATA = Path(__file__).parent / "data"
NEVER = {"scipy.stats", "pandas", "lightning", "tensorboard", "pyarrow", "sympy", "torch._dynamo"}
PICTURES = {"matplotlib", "ase"}

ANSWER = """
import json, sys
from argand.cli import main
def watch(*words):
    sys.argv = ["argand", *words]
    try:
        main()
    except SystemExit as end:
        if end.code not in (None, 0, 1, 3):
            raise
watch(*sys.argv[1:])
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def run(*words: str | Path) -> tuple[str, set[str]]:
    """What a verb prints, and the modules that a fresh interpreter holds after it."""
    call = [sys.executable, "-c", ANSWER, *map(str, words)]
    answer = subprocess.run(call, capture_output=True, text=True, check=True)
    return answer.stdout, set(json.loads(answer.stderr.splitlines()[-1]))


@pytest.fixture
def blank_image(tmp_path: Path) -> Path:
    """Noise without a spot or a ring; what its header would say is told by options."""
    path = tmp_path / "blank.npy"
    np.save(path, np.random.default_rng(0).poisson(5.0, (128, 128)).astype(np.int32))
    return path


def test_an_image_is_answered_without_pictures_and_readers_of_other_formats(blank_image: Path):
    numbers = ("--distance", 100, "--wavelength", 1.0, "--pixel-size", 0.172)
    told, modules = run("geometry", "predict", blank_image, "--no-overlay", "--json", *map(str, numbers))
    assert json.loads(told)[0]["file"] == str(blank_image)
    assert {"torch", "scipy.ndimage", "argand.systems.geometry.predict"} <= modules
    assert modules & (NEVER | PICTURES | {"fabio", "h5py"}) == set()
    assert not [name for name in modules if name.startswith("argand.systems.patterson")]


def test_a_pattern_is_answered_without_pictures(tmp_path: Path):
    path = tmp_path / "pattern.npy"
    np.save(path, np.random.default_rng(0).poisson(5.0, (64, 64)).astype(np.float32))
    told, modules = run("molmnist", "predict", path, "--json")
    assert json.loads(told)
    assert {"torch", "argand.systems.molmnist.predict"} <= modules
    assert modules & (NEVER | PICTURES | {"fabio", "scipy.optimize", "scipy.spatial"}) == set()


def test_a_crystal_is_solved_without_torch(tmp_path: Path):
    cell = ("--cell", "5.64,5.64,5.64,90,90,90", "--spacegroup", "F m -3 m")
    told, modules = run("patterson", "solve", DATA / "measured/nacl.hkl.gz", *cell, "--out", tmp_path / "a")
    assert " attempt" in told
    assert "argand.systems.patterson.solution.solve" in modules
    assert modules & (NEVER | {"torch", "matplotlib", "fabio", "h5py", "scipy.optimize"}) == set()


def test_a_structure_is_rebuilt_without_torch(tmp_path: Path):
    told, modules = run(
        "crystals", "reconstruct", DATA / "materials/ZnO_mp-2133.cif", "--out", tmp_path / "a"
    )
    assert "1 structures, 1 trusted, 0 skipped" in told
    assert "argand.systems.crystals.models.named" in modules
    assert modules & (NEVER | {"torch", "matplotlib", "fabio", "h5py"}) == set()


def test_crystals_are_drawn_without_a_potential(tmp_path: Path):
    told, modules = run("crystals", "sample", "--count", "1", "--out", tmp_path / "drawn")
    assert "candidates; rejected" in told
    assert "argand.systems.crystals.energy.stability" in modules
    assert modules & {"chgnet", "lightning", "scipy.optimize"} == set()
