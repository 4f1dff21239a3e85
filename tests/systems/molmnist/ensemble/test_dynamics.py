"""Molecular dynamics of a short fibril: force field, frames, resumption, and when it counts as stationary."""

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from argand.errors import ConfigError, InputError, MissingExtraError
from argand.systems.molmnist.ensemble import charmm36, dynamics
from argand.systems.molmnist.ensemble import force_field as forcefield
from argand.systems.molmnist.ensemble.dynamics import Dynamics, NotStationaryError, Run
from argand.systems.molmnist.ensemble.md_ensemble import FrameEnsemble
from argand.systems.molmnist.ensemble.trajectory import State, Trajectory
from argand.systems.molmnist.fibril.fibril import build_fibril

SHORT = Dynamics("2x2", "scaled", length=20.0, frame_ps=0.04, atoms_every=5, block_ps=0.2)


def advance(folder: Path, production: float, longest: float = 0.4, window: float = 0.4) -> Run:
    run = Run(SHORT, folder, "CPU", threads=1)
    run.advance(production, longest, window, quiet=True)
    return run


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equilibration and warm-up that take no time: what is tested is not whether 0.4 ps suffice."""
    monkeypatch.setattr(Run, "is_stationary", lambda self, window: self._ps(None) >= window)
    monkeypatch.setattr(dynamics, "WARM_UP_PS", 0.08)


def test_without_openmm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "openmm", None)
    with pytest.raises(MissingExtraError, match=r"argand\[md\]"):
        forcefield.openmm()


def test_glycam_knows_every_atom_and_the_fibril_is_neutral():
    mm = pytest.importorskip("openmm")
    fibril = build_fibril("2x2", 20.0)
    model = forcefield.create_model(fibril, "vacuum", 10.0)
    assert model.system.getNumParticles() == len(fibril)
    force = next(f for f in model.system.getForces() if isinstance(f, mm.NonbondedForce))
    charges = [
        force.getParticleParameters(i)[0].value_in_unit(mm.unit.elementary_charge) for i in range(len(fibril))
    ]
    assert sum(charges) == pytest.approx(0, abs=1e-6)
    assert max(map(abs, charges)) > 0.4


def test_scaled_charges_are_half_of_the_full_ones():
    mm = pytest.importorskip("openmm")
    fibril = build_fibril("2x2", 20.0)
    systems = [forcefield.create_model(fibril, solvent, 10.0).system for solvent in ("vacuum", "scaled")]
    forces = [next(f for f in s.getForces() if isinstance(f, mm.NonbondedForce)) for s in systems]
    full, half = (f.getParticleParameters(5)[0].value_in_unit(mm.unit.elementary_charge) for f in forces)
    assert half == pytest.approx(full / 2)
    products = [f.getExceptionParameters(400)[2]._value for f in forces]
    assert products[1] == pytest.approx(products[0] / 4)


@pytest.mark.slow
def test_charmm_knows_every_atom_chains_are_neutral_and_lennard_jones_is_merged_without_loss():
    mm = pytest.importorskip("openmm")
    fibril = build_fibril("2x2", 20.0)
    model = forcefield.create_model(fibril, "vacuum", 10.0, "charmm36")
    force = next(f for f in model.system.getForces() if isinstance(f, mm.NonbondedForce))
    charges = np.array([force.getParticleParameters(i)[0]._value for i in range(len(fibril))])
    of_glucose = np.bincount(fibril.glucose, charges).reshape(fibril.chains, -1)
    np.testing.assert_allclose(of_glucose[:, 1:-1], 0, atol=1e-6)
    np.testing.assert_allclose(of_glucose.sum(1), 0, atol=1e-6)
    ether = [name == "O4" for name in fibril.atom_names]
    assert sorted(set(charges[ether].round(6))) == [-0.65, -0.36]

    topology = forcefield.create_topology(fibril, by_glucose=True)
    cutoff = {"nonbondedCutoff": 0.1 * charmm36.CUTOFF, "switchDistance": 0.1 * charmm36.SWITCH}
    system = charmm36.force_field(mm).createSystem(
        topology, nonbondedMethod=mm.app.CutoffNonPeriodic, constraints=mm.app.HBonds, **cutoff
    )
    before = potential_energy(system, fibril.cart)
    charmm36.merge_lennard_jones(mm, system)
    assert not any(isinstance(force, mm.CustomNonbondedForce) for force in system.getForces())
    assert potential_energy(system, fibril.cart) == pytest.approx(before, abs=1e-6)


def test_linked_glucose_has_the_charges_that_charmm_gives_it_in_a_maltoside():
    pytest.importorskip("openmm")
    mm = forcefield.openmm()
    # OpenMM's own file, and ours.
    tree = ET.parse(Path(mm.app.__file__).with_name("data") / "charmm36.xml")  # noqa: S314
    known = next(one for one in tree.iter("Residue") if one.get("name") == "BDDM")
    maltoside = {atom.get("name"): atom for atom in known.iter("Atom")}
    found = ET.fromstring(charmm36.chain_residues(mm))  # noqa: S314
    inner = next(one for one in found.iter("Residue") if one.get("name") == "GLCI")
    for atom in inner.iter("Atom"):
        # Its second glucose is linked at both ends; its hydroxyl hydrogens have other names there.
        name = "2" + re.sub(r"H(\d)O", r"HO\1", atom.attrib["name"])
        assert (atom.get("charge"), atom.get("type")) == (
            maltoside[name].get("charge"),
            maltoside[name].get("type"),
        ), name


def potential_energy(system, cart: np.ndarray) -> float:
    """kJ/mol of atoms in Å."""
    mm = forcefield.openmm()
    platform = mm.Platform.getPlatformByName("Reference")
    context = mm.Context(system, mm.VerletIntegrator(0.001), platform)
    context.setPositions(cart * 0.1)
    return context.getState(energy=True).getPotentialEnergy()._value


@pytest.mark.slow
def test_both_force_fields_have_the_same_water_at_the_start():
    pytest.importorskip("openmm")
    fibril = build_fibril("2x2", 20.0)
    glycam, charmm = (
        forcefield.create_model(fibril, "water", 10.0, name) for name in ("glycam06", "charmm36")
    )
    np.testing.assert_array_equal(glycam.cart, charmm.cart)
    assert glycam.topology.getPeriodicBoxVectors() == charmm.topology.getPeriodicBoxVectors()


@pytest.mark.slow
def test_the_energy_of_a_fibril_in_water_is_that_of_the_fibril_alone(tmp_path: Path, at_once: None):
    pytest.importorskip("openmm")
    wet = Dynamics("2x2", "water", 20.0, 9.5, frame_ps=0.04, atoms_every=1, block_ps=0.08)
    run = Run(wet, tmp_path, "CPU", threads=1)
    run.advance(0.08, 0.16, 0.16, quiet=True)
    found = run.trajectory.read("atoms", "fibril_energy_kj_mol", "energy_kj_mol", phase="production")
    alone = forcefield.create_model(run.fibril, "vacuum", 10.0).system
    expected = [potential_energy(alone, cart.astype(float)) for cart in found["atoms"]]
    # Frames are kept in single precision: 1e-6 Å of each atom.
    np.testing.assert_allclose(found["fibril_energy_kj_mol"], expected, atol=2.0)
    assert np.all(found["energy_kj_mol"] < np.array(expected) - 5000)
    energy = FrameEnsemble(tmp_path, 20.0).energy_kt
    np.testing.assert_allclose(energy, (expected - np.mean(expected)) / 2.494, atol=1.0)


@pytest.mark.slow
def test_a_box_of_water_has_its_padding_and_density():
    pytest.importorskip("openmm")
    fibril = build_fibril("2x2", 20.0)
    model = forcefield.create_model(fibril, "water", 8.0)
    waters = (len(model.cart) - len(fibril)) / 3
    box = np.ptp(fibril.cart, axis=0) + 16.0
    volume = np.prod(box) - 4 * 2 * 2 * 658.3 / 4
    assert waters / volume == pytest.approx(0.0334, rel=0.15)
    np.testing.assert_allclose(
        model.cart[: len(fibril)] - model.cart[0], fibril.cart - fibril.cart[0], atol=1e-3
    )


@pytest.mark.slow
def test_a_run_writes_frames_goes_on_and_is_read_as_variants(tmp_path: Path, at_once: None):
    pytest.importorskip("openmm")
    run = advance(tmp_path / "run", 0.2)
    assert run.trajectory.phases() == ["equilibration", "equilibration", "production"]
    advance(tmp_path / "run", 0.4)
    trajectory = Trajectory(tmp_path / "run")
    assert trajectory.phases() == ["equilibration", "equilibration", "production", "production"]
    frames = trajectory.read("time_ps", "temperature_k", "beads")
    np.testing.assert_allclose(frames["time_ps"], 0.04 * np.arange(1, 21))
    assert frames["beads"].shape == (20, 16, 3)
    assert np.all((frames["temperature_k"] > 30) & (frames["temperature_k"] < 500))
    variants = FrameEnsemble(tmp_path / "run", 20.0)
    variant = variants.draw(1, np.random.default_rng(0))
    assert variant.source == "md"
    assert len(variants) == 2
    fibril = build_fibril("2x2", 20.0)
    moved = np.linalg.norm(variant.cart - fibril.cart, axis=1)
    assert 0.05 < np.median(moved) < 2.0
    assert "2x2 in scaled, glycam06, 0.4 ps: twist" in run.summary()
    assert "not the twist in water" in run.summary()
    assert "known for 4 chains: 1.5 to 32.0" in run.summary()
    energy = trajectory.read("energy_kj_mol", "fibril_energy_kj_mol", phase="production")
    np.testing.assert_array_equal(energy["energy_kj_mol"][4::5], energy["fibril_energy_kj_mol"])


@pytest.mark.slow
def test_ctrl_c_says_that_the_same_command_goes_on(
    tmp_path: Path, at_once: None, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("openmm")
    measure, seen = Run._measure, []

    def interrupted(self, *arguments):
        seen.append(1)
        if len(seen) == 8:
            raise KeyboardInterrupt
        return measure(self, *arguments)

    with (
        monkeypatch.context() as patch,
        pytest.raises(KeyboardInterrupt, match=r"has 0.2 ps; the same command"),
    ):
        patch.setattr(Run, "_measure", interrupted)
        advance(tmp_path, 0.2)
    assert Trajectory(tmp_path).phases() == ["equilibration"]
    assert advance(tmp_path, 0.2).trajectory.phases() == ["equilibration", "equilibration", "production"]


def write_block(trajectory: Trajectory, twist: np.ndarray, phase: str = "equilibration") -> None:
    done = trajectory.state()
    number = (done.blocks if done else 0) + 1
    energy = np.random.default_rng(number).standard_normal(len(twist))
    frames = {"twist_deg_per_nm": twist, "energy_kj_mol": energy, "time_ps": np.arange(len(twist)) * 0.04}
    trajectory.append(frames, phase, State(number, phase, np.zeros((2, 3)), np.zeros((2, 3)), None))


def test_a_fibril_that_still_twists_is_not_stationary_and_one_at_rest_is(tmp_path: Path):
    noise = np.random.default_rng(0).standard_normal(500) * 0.1
    drifting, resting = Run(SHORT, tmp_path / "a"), Run(SHORT, tmp_path / "b")
    for block in range(100):
        part = noise[5 * block : 5 * block + 5]
        write_block(drifting.trajectory, part + np.linspace(0.01 * block, 0.01 * (block + 1), 5))
        write_block(resting.trajectory, part + 5.0)
    assert not drifting.is_stationary(20.0)
    assert resting.is_stationary(20.0)
    assert not resting.is_stationary(30.0)
    with pytest.raises(NotStationaryError, match="still drifts after 20 ps"):
        drifting.advance(1.0, 20.0, 20.0, quiet=True)


def test_a_block_without_its_state_is_made_again(tmp_path: Path):
    trajectory = Run(SHORT, tmp_path).trajectory
    write_block(trajectory, np.ones(5))
    (tmp_path / "block-00001.h5").write_bytes(b"half")
    assert len(trajectory.blocks()) == 1
    np.testing.assert_array_equal(trajectory.read("twist_deg_per_nm")["twist_deg_per_nm"], np.ones(5))


def test_a_folder_from_before_there_was_a_choice_of_force_field_goes_on_with_glycam(tmp_path: Path):
    Run(SHORT, tmp_path)
    settings = json.loads((tmp_path / "settings.json").read_text())
    del settings["force_field"]
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    Run(SHORT, tmp_path)
    with pytest.raises(ConfigError, match="another force_field"):
        Run(replace(SHORT, force_field="charmm36"), tmp_path)


def test_a_folder_holds_one_run(tmp_path: Path):
    Run(SHORT, tmp_path)
    with pytest.raises(ConfigError, match="another fibril"):
        Run(Dynamics("3x3", "scaled", length=20.0, frame_ps=0.04, block_ps=0.2), tmp_path)
    with pytest.raises(InputError, match="no frames of production yet"):
        Trajectory(tmp_path).read("beads", phase="production")
    with pytest.raises(InputError, match="not the folder of a dynamics run"):
        _ = Trajectory(tmp_path / "none").settings


@pytest.mark.parametrize("settings", [{"length": -1.0}, {"block_ps": 0.1}])
def test_settings_that_cannot_be_are_refused(settings: dict):
    with pytest.raises(ConfigError):
        Dynamics(**settings)
