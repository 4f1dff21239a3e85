"""What a solved crystal leaves: CIF by the core dictionary, instructions, reflections, and the hand."""

import gzip
import json
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import gemmi
import numpy as np
import pytest
from synthetic_crystals import measured, orthogonalisation, random_atoms, unique_sphere

from argand.errors import ConfigError, OutputError
from argand.io.reflections import MeasuredIntensities, read_reflections
from argand.physics.crystal.atom import Atoms, structure_factors
from argand.physics.crystal.hand import inverted
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.absolute_structure import anomalous_structure_factors, dispersion
from argand.physics.phasing.refinement import Observed, evaluate
from argand.systems.patterson.solution.absolute_hand import turned
from argand.systems.patterson.solution.answer import CrystalAnswer
from argand.systems.patterson.solution.cif_figures import hill_formula
from argand.systems.patterson.solution.final_model import usual_formula
from argand.systems.patterson.solution.outputs import claimed_files
from argand.systems.patterson.solution.reflection_file import card_of
from argand.systems.patterson.solution.reflections import prepare
from argand.systems.patterson.solution.solve import Solution, solve

CELLS = {"P 21": (6.9, 8.1, 9.4, 90.0, 103.0, 90.0), "P 41": (7.3, 7.3, 9.1, 90.0, 90.0, 90.0)}
CELLS |= {"P 21 21 21": (7.1, 8.3, 11.2, 90.0, 90.0, 90.0), "P 21/c": (7.6, 8.9, 9.1, 90.0, 104.0, 90.0)}
ELEMENTS = ("S", "C", "C", "N", "O", "C", "C")
CU = 1.54184


def crystal_of(name: str, wavelength: float | None = CU, mates: bool = True, share: float = 0.0):
    """A simulated crystal, its truth, and intensities with anomalous scattering and 1 % of noise."""
    group, cell = Group.from_name(name), orthogonalisation(CELLS[name])
    atoms = random_atoms(group, cell, ELEMENTS, 3)
    half = unique_sphere(group, cell, 0.84)
    hkl = np.vstack([half, -half]) if mates else half
    corrections = dispersion(atoms.elements, wavelength or CU)
    own, other = (
        np.abs(anomalous_structure_factors(atoms, h, group, cell, corrections)) ** 2 for h in (hkl, -hkl)
    )
    intensity = (1 - share) * own + share * other
    sigma = 0.01 * intensity + 0.002 * intensity.mean()
    noisy = intensity + np.random.default_rng(0).normal(0, sigma)
    found = MeasuredIntensities("a.mtz", hkl, noisy, sigma, CELLS[name], wavelength=wavelength)
    return prepare(found, spacegroup=name, formula="C4 N O S", units=float(group.order)), atoms


def solved_by_truth(name: str, atoms: Atoms | None = None, **changes) -> Solution:
    """A solution that holds the truth, so that no search is needed."""
    crystal, truth = crystal_of(name, **changes)
    model = evaluate(atoms or truth, crystal.observed)
    density = np.zeros((4, 4, 4), np.float32)
    atoms, _, hand = turned(crystal, model.atoms, True)
    return Solution(crystal, model, density, True, "R1 is low", 0.9, 1, 1.0, hand=hand)


def written(folder: Path, solution: Solution, **asked) -> dict[str, Path]:
    settings = {"formula": "C4NOS", "units": None, "cell": solution.crystal.cell} | asked
    summary = CrystalAnswer.of(solution, "a", settings).write(folder)
    return {kind: Path(path) for kind, path in summary["files"].items()}


@pytest.mark.parametrize("name", ["P 21", "P 21 21 21", "P 41"])
def test_the_search_ends_in_the_hand_of_the_data(name: str):
    crystal, truth = crystal_of(name)
    given, given_group = inverted(truth, crystal.group)
    for atoms, group, is_inverted in ((truth, crystal.group, False), (given, given_group, True)):
        asked = replace(crystal, group=group, observed=replace(crystal.observed, group=group))
        found, found_group, hand = turned(asked, atoms, True)
        assert hand.is_inverted == is_inverted
        assert hand.flack is not None
        assert abs(hand.flack.x) < 3 * hand.flack.uncertainty
        assert found_group.name == crystal.group.name
        apart = found.frac - truth.frac
        assert apart == pytest.approx(np.rint(apart), abs=1e-9)
        assert ("inverted" in hand.statement) == is_inverted


def test_a_solution_has_the_hand_of_the_data_in_all_it_holds():
    """Solved in the wrong one of two groups, atoms, group and density are turned together."""
    crystal, _ = crystal_of("P 41")
    wrong = prepare(crystal.measured, spacegroup="P 43", formula="C4 N O S", units=4.0)
    solution = solve(wrong, 60.0)
    assert solution.trusted
    assert solution.hand.is_inverted
    assert solution.crystal.group.name == "P 41"
    assert solution.to_dict()["flack"] == pytest.approx(0, abs=0.05)
    assert "P 41" in solution.to_dict()["hand"]
    assert evaluate(solution.atoms, solution.crystal.observed).r1 == pytest.approx(solution.r1, abs=1e-6)
    points = np.rint(solution.atoms.frac * solution.density.shape).astype(int) % solution.density.shape
    assert solution.density[tuple(points.T)].min() > 4 * solution.density.std()


def test_a_twin_is_told():
    crystal, truth = crystal_of("P 21", share=0.4)
    _, _, hand = turned(crystal, truth, True)
    assert "twin" in hand.statement
    assert hand.flack is not None
    assert hand.flack.x == pytest.approx(0.4, abs=3 * hand.flack.uncertainty)


@pytest.mark.parametrize(
    ("changes", "trusted", "words"),
    [
        ({"mates": False}, True, "Friedel mates were not measured apart"),
        ({"wavelength": None}, True, "the wavelength is not known"),
        ({}, False, "no model is trusted"),
    ],
)
def test_where_the_hand_cannot_be_known_that_is_said(changes, trusted, words):
    crystal, truth = crystal_of("P 21", **changes)
    atoms, group, hand = turned(crystal, truth, trusted)
    assert atoms is truth
    assert group is crystal.group
    assert hand.statement == f"the hand was not determined: {words}"


def test_a_group_with_a_centre_has_no_hand():
    crystal, truth = crystal_of("P 21/c")
    assert turned(crystal, truth, True)[2].to_dict() == {}


def test_the_cif_holds_what_databases_ask_for(tmp_path):
    solution = solved_by_truth("P 21")
    block = gemmi.cif.read(str(written(tmp_path, solution)["cif"])).sole_block()
    told = {item.pair[0]: gemmi.cif.as_string(item.pair[1]) for item in block if item.pair is not None}
    assert told["_chemical_formula_sum"] == "C4 N O S"
    assert told["_cell_formula_units_Z"] == "2"
    assert told["_space_group_IT_number"] == "4"
    assert told["_space_group_crystal_system"] == "monoclinic"
    assert told["_diffrn_radiation_probe"] == "x-ray"
    assert told["_reflns_number_total"] == str(len(solution.crystal.observed.hkl))
    assert told["_diffrn_reflns_number"] == str(len(solution.crystal.measured.hkl))
    assert told["_refine_ls_R_factor_gt"] == f"{solution.r1:.4f}"
    assert "trusted: R1 is low" in told["_refine_special_details"]
    assert told["_refine_ls_abs_structure_Flack"].startswith(("0.0", "-0.0"))
    # 1.2 g/cm³ or so from the masses: 2 (4 C + N + O + S) / V.
    mass = 2 * (4 * 12.011 + 14.007 + 15.999 + 32.06)
    density = mass * 1.66053907 / solution.crystal.volume
    assert float(told["_exptl_crystal_density_diffrn"]) == pytest.approx(density, abs=2e-3)
    # sin θ = λ / 2d.
    theta = np.degrees(np.arcsin(CU / 2 / solution.crystal.observed.d_min))
    assert float(told["_diffrn_reflns_theta_max"]) == pytest.approx(theta, abs=0.01)
    # A polar axis leaves its coordinate free in the count: places, U of each atom, and a scale.
    assert told["_refine_ls_number_parameters"] == str(4 * 7 + 1)


def test_the_cif_obeys_the_core_dictionary(tmp_path):
    spec = find_spec("iotbx")
    if spec is None or spec.submodule_search_locations is None:
        pytest.skip("cctbx, which holds the dictionary, is not installed")
    dictionary = Path(spec.submodule_search_locations[0]) / "cif" / "dictionaries" / "cif_core.dic.gz"
    for number, solution in enumerate((solved_by_truth("P 21"), solved_by_truth("P 21/c", wavelength=None))):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = written(folder, solution)["cif"]
        messages: list[str] = []
        judge = gemmi.cif.Ddl(logger=messages.append, use_mandatory=True, use_unique_keys=True)
        judge.read_ddl(gemmi.cif.read(str(dictionary)))
        assert judge.validate_cif(gemmi.cif.read(str(path))), messages
        # Not in the dictionary of 2.4.1, and nothing else.
        assert [message for message in messages if "unknown" in message.lower()] == []
    wrong = path.read_text().replace("x-ray", "light").replace("_cell_length_a", "_cell_length_q")
    (tmp_path / "wrong.cif").write_text(wrong)
    judge.validate_cif(gemmi.cif.read(str(tmp_path / "wrong.cif")))
    assert any("light" in message for message in messages)
    assert any("_cell_length_q" in message for message in messages)


CCTBX = """
import json, sys
import iotbx.cif
from cctbx import miller
from cctbx.array_family import flex
told = json.load(sys.stdin)
model = list(iotbx.cif.reader(file_path=told["cif"]).build_crystal_structures().values())[0]
model.scattering_type_registry(table="it1992")
for scatterer in model.scatterers():
    scatterer.fp = scatterer.fdp = 0
asked = miller.set(model.crystal_symmetry(), flex.miller_index(map(tuple, told["hkl"])), anomalous_flag=False)
factors = asked.structure_factors_from_scatterers(model, algorithm="direct").f_calc().data()
print(json.dumps([abs(f) for f in factors]))
"""


def r1_of(size: np.ndarray, data: Observed) -> float:
    observed, strong = np.sqrt(np.clip(data.intensity, 0, None)), data.strong
    scale = observed[strong] @ size[strong] / (size[strong] @ size[strong])
    return float(np.abs(observed - scale * size)[strong].sum() / observed[strong].sum())


@pytest.mark.parametrize("name", ["P 21", "P 21/c"])
def test_three_programs_find_the_r1_that_the_cif_tells(tmp_path, name: str):
    solution = solved_by_truth(name)
    path, data = written(tmp_path, solution)["cif"], solution.crystal.observed
    structure = gemmi.read_small_structure(str(path))
    r1 = float(gemmi.cif.read(str(path)).sole_block().find_value("_refine_ls_R_factor_gt"))
    structure.change_occupancies_to_crystallographic()
    sites = structure.sites
    atoms = Atoms(
        tuple(site.element.name for site in sites),
        np.array([site.fract.tolist() for site in sites]),
        np.array([site.u_iso for site in sites]),
        np.array([site.occ for site in sites]),
    )
    assert r1_of(np.abs(structure_factors(atoms, data.hkl, data.group, data.orthogonalisation)), data) == (
        pytest.approx(r1, abs=1e-3)
    )
    io = pytest.importorskip("ase.io")
    whole = io.read(str(path))
    assert len(whole) == solution.crystal.group.order * len(sites)
    everything = Atoms(
        tuple(whole.get_chemical_symbols()),
        whole.get_scaled_positions(),
        # ase lists the images of each site together.
        np.repeat(atoms.u_iso, solution.crystal.group.order),
        np.ones(len(whole)),
    )
    size = np.abs(structure_factors(everything, data.hkl, Group.from_name("P 1"), data.orthogonalisation))
    assert r1_of(size, data) == pytest.approx(r1, abs=1e-3)
    if find_spec("iotbx") is None:
        pytest.skip("cctbx is not installed")
    question = json.dumps({"cif": str(path), "hkl": data.hkl.tolist()})
    answer = subprocess.run(
        [sys.executable, "-c", CCTBX], input=question, capture_output=True, text=True, check=True
    )
    assert r1_of(np.array(json.loads(answer.stdout)), data) == pytest.approx(r1, abs=1e-3)


def test_instructions_fit_the_reflections_beside_them(tmp_path):
    """F² of the written reflections is that of the atoms times the square of FVAR."""
    solution = solved_by_truth("P 21/c")
    big = replace(
        solution.crystal.measured,
        intensity=1e4 * solution.crystal.measured.intensity,
        sigma=1e4 * solution.crystal.measured.sigma,
    )
    crystal = prepare(big, spacegroup="P 21/c", formula="C4 N O S", units=4.0)
    solution = replace(solution, crystal=crystal, model=evaluate(solution.atoms, crystal.observed))
    files = written(tmp_path, solution)
    again = read_reflections(files["hkl"])
    cards = {line.split()[0]: line.split()[1:] for line in files["ins"].read_text().splitlines()}
    assert again.intensity.max() < 100000
    size = np.abs(structure_factors(solution.atoms, again.hkl, crystal.group, crystal.orthogonalisation))
    scale = np.sqrt(np.sum(again.intensity * size**2) / np.sum(size**4))
    assert float(cards["FVAR"][0]) == pytest.approx(scale, rel=0.02)
    assert cards["ZERR"][0] == "4"
    assert cards["HKLF"] == ["4"]
    assert files["ins"].read_text().splitlines() == files["res"].read_text().split("\nQ1 ")[0].splitlines()


def test_the_users_files_are_never_written_over(tmp_path):
    for name in ("a.hkl", "a.ins"):
        (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError, match=r"a\.ins: exists and was not written by argand.* --out"):
        claimed_files(tmp_path, "a", tmp_path / "a.hkl", force=True)
    (tmp_path / "a.ins").unlink()
    assert claimed_files(tmp_path, "a", tmp_path / "a.hkl", force=True)["ins"] == tmp_path / "a.ins"
    assert (tmp_path / "a.hkl").read_text() == "mine"


def test_an_input_among_the_results_is_not_removed_by_force(tmp_path):
    files = written(tmp_path, solved_by_truth("P 21/c"))
    with pytest.raises(ConfigError, match=r"a\.hkl: an input that --force would remove"):
        claimed_files(tmp_path, "a", files["hkl"], force=True)
    with pytest.raises(ConfigError, match=r"a\.xyz: an input that --force would remove"):
        claimed_files(tmp_path, "a", tmp_path / "b.hkl", inputs=[files["xyz"]], force=True)
    assert all(path.exists() for path in files.values())


def test_reflections_of_another_form_are_copied_with_their_card(tmp_path):
    solution = solved_by_truth("P 21/c")
    rows = "".join(f"{h:4d}{k:4d}{el:4d} 1000.00   10.00  -2\n" for h, k, el in ((1, 0, 0), (0, 2, 0)))
    with gzip.open(tmp_path / "twin.hkl.gz", "wt") as file:
        file.write(rows)
    plain = replace(solution.crystal.measured, source=str(tmp_path / "twin.hkl.gz"))
    stated = replace(plain, hklf="HKLF 5")
    assert (card_of(plain), card_of(stated)) == ("HKLF 4", "HKLF 5")
    out = tmp_path / "out"
    out.mkdir()
    files = written(out, replace(solution, crystal=replace(solution.crystal, measured=stated)))
    assert files["hkl"].read_text() == rows
    assert "\nHKLF 5\n" in files["ins"].read_text()


@pytest.mark.parametrize(
    ("counts", "formula"),
    [({"O": 2, "H": 14, "C": 14}, "C14 H14 O2"), ({"Na": 1, "Cl": 1}, "Cl Na"), ({"H": 2, "Br": 1}, "Br H2")],
)
def test_formulas_stand_in_hills_order(counts, formula):
    assert hill_formula(counts) == formula


@pytest.mark.parametrize(
    ("counts", "stated", "formula"),
    [
        ({"O": 4, "P": 1, "Fe": 1, "Li": 1}, None, "LiFePO4"),
        ({"Cl": 1, "Na": 1}, None, "NaCl"),
        ({"O": 2, "H": 14, "C": 14}, None, "C14H14O2"),
        ({"O": 1, "N": 1, "C": 4, "Cu": 0.5}, None, "C4Cu0.5NO"),
        ({"O": 3, "Ti": 1, "Ba": 1}, "Ba Ti O3", "BaTiO3"),
        ({"O": 3, "Ti": 1, "Ba": 1, "C": 0.0}, "Ti O3 Ba", "TiO3Ba"),
    ],
)
def test_formulas_are_written_as_chemists_write_them(counts, stated, formula):
    assert usual_formula(counts, stated) == formula


@pytest.mark.parametrize(
    ("formula", "units", "wanted"),
    [("C4NOS", None, "4"), (None, None, "4"), ("C8N2O2S2", None, "2"), (None, 2.0, "2")],
)
def test_z_is_that_of_the_formula_or_of_the_content(tmp_path, formula, units, wanted):
    files = written(tmp_path, solved_by_truth("P 21/c"), formula=formula, units=units)
    assert f"_cell_formula_units_Z {wanted}\n" in files["cif"].read_text()


def test_atoms_follow_their_bonds(tmp_path):
    """A chain that is listed in disorder is named from its heavy end on."""
    group, cell = Group.from_name("P 21/c"), orthogonalisation(CELLS["P 21/c"])
    chain = np.array([[1.0 + 1.25 * n, 2.0 + 0.5 * (n % 2), 2.0] for n in range(5)])
    order = [3, 0, 4, 2, 1]
    elements = ("O", "C", "C", "C", "C")
    atoms = Atoms(
        tuple(elements[n] for n in order), chain[order] @ np.linalg.inv(cell).T, np.full(5, 0.03), np.ones(5)
    )
    data = measured(group, cell, atoms, 0.9)
    found = MeasuredIntensities("a", data.hkl, data.intensity, data.sigma, CELLS["P 21/c"])
    solution = solve(prepare(found, spacegroup="P 21/c", formula="C4 O", units=4.0), 60.0)
    files = written(tmp_path, solution, formula="C4O")
    sites = gemmi.read_small_structure(str(files["cif"])).sites
    assert [site.label for site in sites] == ["O1", "C1", "C2", "C3", "C4"]
    places = np.array([site.fract.tolist() for site in sites]) @ cell.T
    assert np.linalg.norm(np.diff(places, axis=0), axis=1).max() < 1.6
