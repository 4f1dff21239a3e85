"""From Python: one input or many, whatever they are, and answers that other programs take."""

from pathlib import Path

import gemmi
import numpy as np
import pytest

import argand
from argand.errors import ConfigError, InputError
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.structure import Structure
from argand.runs.answers import Answers
from argand.runs.course import Failure
from argand.systems.crystals.database.dataset import load_structures, prototypes
from argand.systems.crystals.latent.decoded import TRUSTED, Decoded
from argand.systems.crystals.predict import Predictor

EXAMPLES = Path(__file__).parents[3] / "examples/data/crystals"
FIRST, SECOND = EXAMPLES / "SrTiO3_mp-5229.cif", EXAMPLES / "PbTiO3_mp-20459.cif"


@pytest.fixture(scope="module")
def crystals() -> Predictor:
    return argand.load("crystals")


def test_a_list_is_answered_in_its_order_with_failures_in_place(crystals: Predictor, tmp_path: Path):
    structure = prototypes()[0]
    inputs = [FIRST, str(SECOND), tmp_path / "none.cif", structure, structure.to_ase(), 3.0]
    answers = crystals.reconstruct(inputs)
    assert isinstance(answers, Answers)
    assert [isinstance(one, Failure) for one in answers] == [False, False, True, False, False, True]
    assert len(answers.trusted) == 4
    assert "no such file" in answers.failures[0].text
    told = answers.to_dict()
    assert [one["trusted"] for one in told] == [True, True, False, True, True, False]
    assert all(one["reason"] for one in told)
    assert answers.to_dataframe()["formula"].tolist()[:2] == ["SrTiO3", "PbTiO3"]
    assert "<table>" in answers._repr_html_()
    latents = crystals.encode(inputs)
    assert [isinstance(one, Failure) for one in latents] == [isinstance(one, Failure) for one in answers]
    decoded = crystals.decode(latents)
    assert [isinstance(one, Failure) for one in decoded] == [isinstance(one, Failure) for one in answers]
    altered = crystals.alter([FIRST, SECOND], {"Ti": "Zr"}, strain=0.01)
    assert [one.structure.formula for one in altered] == ["SrZrO3", "PbZrO3"]


def test_every_kind_of_structure_is_taken(crystals: Predictor):
    truth = crystals.reconstruct(FIRST).structure
    row = {"lattice": truth.lattice.ravel().tolist(), "species": truth.species.tolist()}
    row["frac_coords"] = truth.frac_coords.ravel().tolist()
    for one in (truth, truth.to_ase(), truth.to_pymatgen(), crystals.reconstruct(truth), row):
        assert compare(crystals.reconstruct(one).structure, truth).is_exact
    for item in crystals.latents([FIRST, SECOND]):
        assert crystals.decode(item).structure.formula in ("SrTiO3", "PbTiO3")
    with pytest.raises(InputError, match="not a crystal structure"):
        crystals.encode(3.0)


def test_a_simulated_box_is_taken_by_the_published_interface(crystals: Predictor):
    from argand.systems.crystals.presets import PAPER

    box = {**PAPER.__class__(source="prototypes").simulate(0, 0)}
    paper = argand.load("crystals", "paper")
    assert paper.encode(box).shape == (300,)
    with pytest.raises(ConfigError, match="published interface"):
        crystals.encode(box)
    with pytest.raises(InputError, match="voxels"):
        paper.encode({"density": np.zeros((3, 3, 3), np.float32)})


def test_an_answer_goes_to_other_programs(crystals: Predictor):
    answer = crystals.reconstruct(FIRST)
    assert answer.to_pymatgen().composition.reduced_formula == "SrTiO3"
    assert answer.to_ase().get_chemical_formula(empirical=True)
    block = gemmi.cif.read_string(answer.to_cif("a")).sole_block()
    assert gemmi.cif.as_string(block.find_value("_space_group_name_H-M_alt")) == "P m -3 m"
    assert float(block.find_value("_argand_confidence")) == pytest.approx(1.0)
    assert answer.to_dataframe()["symbol"].tolist() == answer.structure.symbols
    assert answer.structure.to_dataframe().shape == (5, 4)
    plain = answer.structure.to_dict()
    assert (plain["formula"], plain["atoms"], plain["symbols"]) == ("SrTiO3", 5, answer.structure.symbols)
    assert all(0 <= x < 1 for place in plain["frac_coords"] for x in place)


def test_reprs_are_one_line_and_notebooks_get_a_table(crystals: Predictor):
    answer, (sample,) = crystals.reconstruct(FIRST), crystals.sample(1, seed=1)
    for one in (
        crystals,
        answer,
        answer.structure,
        sample,
        crystals.latents([FIRST]),
        load_structures("prototypes"),
    ):
        assert "\n" not in repr(one)
        assert len(repr(one)) < 250
        assert "<table>" in one._repr_html_()
    assert "SrTiO3" in repr(answer)
    assert repr(answer).endswith("trusted>")
    assert sample.to_dict()["prototype"] == sample.prototype
    assert sample.trusted
    assert sample.reason == sample.decoded.reason
    assert sample.to_pymatgen().num_sites == sample.to_dataframe().shape[0] == len(sample.to_ase())
    assert gemmi.cif.read_string(sample.to_cif("a")).sole_block().find_value("_argand_misfit")


def decoded(misfit: float, comes_back: bool | None = None) -> Decoded:
    structure: Structure = prototypes()[0]
    sure = np.ones(len(structure))
    return Decoded(structure, misfit, sure, 0 * sure, comes_back)


@pytest.mark.parametrize(
    ("answer", "trusted", "said"),
    [
        (decoded(0.01), True, "explains its vector"),
        (decoded(0.5), False, "does not explain its vector"),
        (decoded(1.001 - TRUSTED), False, "does not explain its vector"),
        (decoded(0.999 - TRUSTED), True, "explains its vector"),
        (decoded(0.0, True), True, "gives back the structure"),
        (decoded(0.0, False), False, "another structure"),
    ],
)
def test_the_verdict_is_what_the_confidence_and_the_return_say(answer: Decoded, trusted: bool, said: str):
    assert answer.trusted == trusted
    assert said in answer.reason
    assert f"limit {TRUSTED:.2f}" in answer.reason
    assert ("best guess" in repr(answer)) != trusted
    assert ("best guess" in answer._repr_html_()) != trusted
    assert ("#767676" in answer._repr_html_()) != trusted
    assert answer.to_dict()["trusted"] == trusted


def test_what_is_trusted_after_noise_is_right(crystals: Predictor):
    """A small part of the measurement that the limit is from."""
    right = []
    for file in sorted(EXAMPLES.glob("*.cif")):
        for noise in (0.05, 0.1, 0.3, 0.6):
            answer = crystals.alter(file, noise=noise, seed=3)
            if answer.trusted:
                right.append(compare(answer.structure, crystals.reconstruct(file).structure).is_exact)
    assert len(right) > 6
    assert all(right)
