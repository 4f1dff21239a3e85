"""The system as it simulates, trains its two networks in sequence, and answers with either model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pyarrow import parquet, table

import argand
from argand.crew import Machines
from argand.errors import ConfigError, InputError
from argand.io.structure import write_structure
from argand.io.weights import load_weights
from argand.learn.stream import collate
from argand.learn.train import train
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.structure import Structure
from argand.system import preset
from argand.systems.crystals import evaluate
from argand.systems.crystals.card import keep_figures
from argand.systems.crystals.database.dataset import load_structures, prototypes
from argand.systems.crystals.database.fingerprint import fingerprint
from argand.systems.crystals.evaluate import evaluate_model
from argand.systems.crystals.models.boxes import PublishedModel
from argand.systems.crystals.models.fourier import FourierModel
from argand.systems.crystals.models.named import model_of, named_model
from argand.systems.crystals.predict import structure_of
from argand.systems.crystals.presets import PRESETS
from argand.systems.crystals.published.training import train_in_sequence

TINY = PRESETS["tiny"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both tiny published networks after two steps each."""
    out = tmp_path_factory.mktemp("runs")
    settings = {"max_steps": 2, "batch_size": 2, "val_count": 2, "workers": 0, "quiet": True}
    settings |= {"accelerator": "cpu", "precision": "fp32"}

    def run(system, folder, what, *, max_time, resume, **others):
        train(system, folder, max_time=None, resume=resume, **others)

    return train_in_sequence(TINY, out, run, max_time="00:01:00", resume=False, **settings)


def test_what_has_nothing_to_learn_from_says_so(tmp_path: Path):
    with pytest.raises(ConfigError, match="name structures"):
        preset("paper", PRESETS).simulate(0, 0)
    for name in ("best", "linear"):
        with pytest.raises(ConfigError, match="computed, not learnt"):
            preset(name, PRESETS).network()
    with pytest.raises(InputError, match="no structures there"):
        load_structures(str(tmp_path / "nowhere"))
    (tmp_path / "bad.parquet").write_text("nothing")
    with pytest.raises(InputError, match="not a readable parquet file"):
        load_structures(str(tmp_path / "bad.parquet"))


def test_a_sample_holds_the_density_and_labels_of_its_atoms():
    sample = TINY.simulate(0, 0)
    count = int((sample["species"] > 0).sum())
    assert count > 0
    assert not np.isnan(sample["places"][:count]).any()
    assert np.isnan(sample["places"][count:]).all()
    near = np.floor(sample["places"][:count] / TINY.box.spacing).astype(int)
    named = sample["labels"][tuple(near.T)]
    assert np.isin(named, sample["species"][:count]).all()


def test_structures_of_benchmarks_are_left_out_of_a_parquet_file(tmp_path: Path):
    kept, held = prototypes()[:2]
    columns = {
        "lattice": [list(map(float, one.lattice.ravel())) for one in (held, kept)],
        "species": [[int(z) for z in one.species] for one in (held, kept)],
        "frac_coords": [list(map(float, one.frac_coords.ravel())) for one in (held, kept)],
        "bench": ["mp_20:test", ""],
    }
    parquet.write_table(table(columns), tmp_path / "pool.parquet")
    stock = load_structures(str(tmp_path / "pool.parquet"))
    assert len(stock) == 1
    assert compare(stock[0], kept).is_exact
    write_structure(tmp_path / "one.cif", held)
    (tmp_path / "pool.parquet").unlink()
    assert load_structures(str(tmp_path))[0].formula == held.formula


def test_the_segmenter_learns_while_the_encoder_decoder_stays_as_it_is(weights: Path):
    density, species = (
        torch.load(weights.parent / stage / "last.ckpt", weights_only=True)["network"]
        for stage in ("density", "species")
    )
    first = load_weights(weights.parent / "density" / "best.safetensors")[0]
    for name, value in species.items():
        if name.startswith("autoencoder."):
            torch.testing.assert_close(value, first[name], rtol=0, atol=0)
    assert any(
        not torch.equal(density[name], value)
        for name, value in species.items()
        if name.startswith("segmenter.") and value.is_floating_point()
    )


def test_the_segmenter_learns_four_boxes_by_heart():
    system = replace(TINY, stage="species", learning_rate=1e-2)
    torch.manual_seed(0)
    network = system.network()
    batch = collate([system.inputs(system.simulate(index, 5)) for index in range(4)])
    optimiser, _ = system.optimiser(network)
    # Decoded densities of an untrained encoder-decoder say little, but four boxes apart.
    generator = torch.Generator().manual_seed(0)
    first = None
    for _ in range(80):
        loss, metrics = system.loss(network.train(), batch, generator)
        first = first or metrics["cross_entropy"].item()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        assert system.loss(network.eval(), batch)[1]["cross_entropy"].item() < 0.3 * first


def test_both_models_answer_through_one_interface(weights: Path, tmp_path: Path):
    one, other = prototypes()[0], prototypes()[9]
    write_structure(tmp_path / "one.cif", one)
    for predictor, size in ((argand.load("crystals"), 523), (argand.load("crystals", weights), 32)):
        latent = predictor.encode(tmp_path / "one.cif")
        assert latent.shape == (size,)
        assert latent.dtype == np.float32
        again = model_of(predictor.model.config)
        np.testing.assert_array_equal(again.encode(structure_of(tmp_path / "one.cif")), latent)
        shaken = predictor.model.add_noise(latent, 0.1, 3)
        assert shaken.shape == latent.shape
        assert not np.array_equal(shaken, latent)
    best = argand.load("crystals")
    assert compare(best.reconstruct(one).structure, one).is_exact
    assert [d.structure.formula for d in best.interpolate(one, other, 2)] == [one.formula, other.formula]
    symbols = one.symbols
    assert symbols[0] not in best.alter(one, {symbols[0]: "Si"}).structure.symbols


def test_the_short_model_answers_through_the_same_interface(tmp_path: Path):
    one, other = prototypes()[0], prototypes()[1]
    short = argand.load("crystals", "symmetric")
    latent = short.encode(one)
    assert latent.dtype == np.float32
    assert len(latent) <= 64
    assert model_of(short.model.config) == short.model
    assert short.decode(latent).structure.formula == one.formula
    assert short.reconstruct(one.to_ase()).structure.formula == one.formula
    assert [d.structure.formula for d in short.interpolate(one, one, 2)] == [one.formula] * 2
    assert "Si" in short.alter(one, {one.symbols[0]: "Si"}, noise=0.01).structure.symbols
    with pytest.raises(InputError, match="cannot be interpolated"):
        short.interpolate(one, other, 2)
    with pytest.raises(ConfigError, match="model best"):
        short.sample(1)
    keeping = named_model("symmetric", 48, keeps_setting=True)
    assert compare(keeping.decode(keeping.encode(one)).structure, one).is_exact
    with pytest.raises(ConfigError, match=r"add .*model.* symmetric"):
        named_model("best", keeps_setting=True)
    write_structure(tmp_path / "one.cif", one)
    (row,) = evaluate_model("symmetric", [str(tmp_path)], 1)["rows"]
    assert row["all_right"] == 1.0


def test_a_predictor_finds_known_structures_and_draws_new_ones():
    crystals, salt = argand.load("crystals"), prototypes()[0]
    np.testing.assert_array_equal(crystals.fingerprint(salt), fingerprint(salt))
    found = crystals.nearest(salt, 2)
    assert len(found) == 2
    assert found[0]["distance"] <= found[1]["distance"]
    drawn, again = crystals.sample(2, seed=3), crystals.sample(2, seed=3)
    assert [one.decoded.structure.formula for one in drawn] == [
        one.decoded.structure.formula for one in again
    ]


def test_answers_show_themselves_in_a_line_and_in_a_notebook():
    crystals = argand.load("crystals")
    decoded = crystals.reconstruct(prototypes()[0])
    formula = decoded.structure.formula
    assert repr(crystals).startswith("<Predictor of crystals, model best: numbers 512,")
    assert repr(decoded).startswith(f"<Decoded <Structure {formula}: 2 atoms")
    assert len(repr(decoded)) < 200
    page = decoded._repr_html_()
    assert "confidence" in page
    assert page.count("<svg") == page.count("</svg>") == 1


def test_what_is_no_model_or_structure_is_refused(weights: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match="unknown model"):
        named_model("pepar")
    with pytest.raises(ConfigError, match=r"add .*model.* paper"):
        named_model("best", weights=tmp_path)
    with pytest.raises(InputError, match="unknown"):
        model_of({"model": "other"})
    with pytest.raises(InputError, match="not a crystal structure"):
        argand.load("crystals").encode(3.0)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="not a latent of a box of 6 Å: 32 finite numbers"):
        PublishedModel(str(weights)).decode(np.zeros(7, np.float32))
    with pytest.raises(ConfigError, match="too few for two ends"):
        PublishedModel(str(weights)).between(prototypes()[0], prototypes()[1], 1, 0)
    assert isinstance(named_model(), FourierModel)


def test_evaluation_counts_atoms_of_either_model_and_fills_the_card(weights: Path, tmp_path: Path):
    for number, structure in enumerate(prototypes()[::11]):
        write_structure(tmp_path / f"{number}.cif", structure)
    result = evaluate_model("best", [str(tmp_path)], 9)
    (row,) = result["rows"]
    assert (row["structures"], row["recall"], row["species_of_found"], row["all_right"]) == (3, 1.0, 1.0, 1.0)
    copy = tmp_path / "model.safetensors"
    copy.write_bytes(weights.read_bytes())
    result = evaluate_model("paper", [str(tmp_path)], 2, weights=copy)
    names = [f"{view}{what}" for view in ("single", "repeating") for what in ("", ", perfect density")]
    assert [row["what"] for row in result["rows"]] == names
    assert all(0 <= row["recall"] <= 1 for row in result["rows"])
    assert result["rows"][1]["recall"] == 1.0
    card = keep_figures(copy, result).read_text()
    assert "argand crystals train paper-small --structures prototypes" in card
    assert "repeating, perfect density" in card


@pytest.mark.slow
def test_a_box_that_fails_ends_no_evaluation_and_processes_agree(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for number, structure in enumerate(prototypes()[::24]):  # rock salt, and a perovskite
        write_structure(tmp_path / f"{number}.cif", structure)
    one, two = (
        evaluate_model("paper", [str(tmp_path)], 2, weights=weights, machines=Machines(count))
        for count in (1, 2)
    )
    assert one["failed"] == two["failed"] == []
    # How near a fit comes depends on the seconds that it has.
    for key in ("what", "structures", "atoms"):
        assert [row[key] for row in one["rows"]] == [row[key] for row in two["rows"]]
    assert [result["rows"][1]["recall"] for result in (one, two)] == [1.0, 1.0]
    sample = evaluate.box_sample

    def failing(structure: Structure, *more: Any) -> Any:
        if len(structure) == 5:
            raise ArithmeticError("nobody thought of it")
        return sample(structure, *more)

    def reader(*_: Any) -> Any:
        raise AttributeError("nor of this")

    monkeypatch.setattr(evaluate, "box_sample", failing)
    monkeypatch.setattr(evaluate, "coded", lambda coder: reader)
    found = evaluate_model("paper", [str(tmp_path)], 2, weights=weights)
    assert len(found["failed"]) == 4  # the perovskite, in each row
    assert "YEr3Pd, single: ArithmeticError: nobody thought of it; please report it" in found["failed"][-1]
    rows = {row["what"]: row for row in found["rows"]}
    assert [rows[view]["recall"] for view in ("single", "repeating")] == [0.0, 0.0]
    assert rows["single"]["structures"] == rows["single, perfect density"]["structures"] == 1
    assert rows["single, perfect density"]["recall"] == 1.0


def test_both_networks_are_joined_in_half_precision_with_both_logs(weights: Path):
    state, header = load_weights(weights)
    assert {value.dtype for value in state.values() if value.is_floating_point()} == {torch.float16}
    assert header["config"]["start"] == ""
    assert header["training"].keys() == header["figures"].keys() == {"density", "species"}
    stages = [line.split(",")[0] for line in (weights.parent / "log.jsonl").read_text().splitlines()]
    assert set(stages) == {'{"stage": "density"', '{"stage": "species"'}
