"""How near an answer is to the refined truth: for evaluation alone, nothing of it enters a solution."""

from dataclasses import dataclass, replace
from itertools import product

import gemmi
import numpy as np
from jaxtyping import Complex, Float

from argand.physics.crystal.atom import Atoms, is_hydrogen
from argand.physics.crystal.symmetry import Group
from argand.physics.molecule.origin import allowed_origins
from argand.physics.phasing.dual_space import phase_factor
from argand.physics.phasing.placed_atoms import nearest_distance
from argand.physics.phasing.refinement import Observed
from argand.typing import Matrix3, Points3, Vector3

NEAR = 0.5
"""Å within which an atom counts as found."""
_MINOR = 0.5
_FOUND, _FALSE = 0.9, 0.1
_STEPS = 24
_ORIGIN_STEP = 3
"""Twenty-fourths: origins of one group's settings differ by eighths of the cell (International Tables A)."""
_SAME = 0.3
"""Images of an atom nearer than this in Å are one."""


@dataclass(frozen=True)
class Comparison:
    """Atoms of the truth found, false atoms, both as shares, and the mean error of those found in Å.

    `named` is the share of those found that have the right element.
    """

    found: float
    false: float
    mean_error: float
    named: float = 0.0

    @property
    def solved(self) -> bool:
        """At least 90 % of the atoms found and at most 10 % false ones."""
        return self.found >= _FOUND and self.false <= _FALSE


def true_atoms(structure: gemmi.SmallStructure) -> tuple[Atoms, Float[np.ndarray, " n"]]:
    """Atoms but hydrogen of a refined structure, and their chemical occupancies."""
    chemical = np.array([site.occ for site in structure.sites])
    structure.change_occupancies_to_crystallographic()
    sites = [(site, occ) for site, occ in zip(structure.sites, chemical, strict=True)]
    kept = [(site, occ) for site, occ in sites if not is_hydrogen(site.element.name)]
    elements = tuple(site.element.name for site, _ in kept)
    frac = np.array([site.fract.tolist() for site, _ in kept])
    u_iso = np.array([site.u_iso or 0.04 for site, _ in kept])
    occupancy = np.array([site.occ for site, _ in kept])
    return Atoms(elements, frac, u_iso, occupancy), np.array([occ for _, occ in kept])


def in_setting(atoms: Atoms, found: Group, wanted: Group) -> Atoms | None:
    """Atoms of a group, in the same axes, at the origin of another name of that group or mirrored into its
    enantiomorph; None where `wanted` is another space group.
    """
    for hand in (1, -1):
        shift = _origin_between(found, wanted, hand)
        if shift is not None:
            return replace(atoms, frac=hand * atoms.frac + shift)
    return None


def _origin_between(found: Group, wanted: Group, hand: int) -> Vector3 | None:
    """Shift s so that x -> hand x + s takes one group into the other: hand t + s - R s is its translation."""
    known = {rotation.astype(int).tobytes(): number for number, rotation in enumerate(found.rotations)}
    keys = [rotation.astype(int).tobytes() for rotation in wanted.rotations]
    # Settings that share rotations and centrings alone can be the same group.
    if len(found.rotations) != len(keys) or not set(keys) <= set(known):
        return None
    chosen = [known[key] for key in keys]
    centrings = np.rint(wanted.centrings * _STEPS).astype(int)
    shifts = np.array(list(product(range(0, _STEPS, _ORIGIN_STEP), repeat=3)))
    good = np.ones(len(shifts), bool)
    moves = np.rint((hand * found.translations[chosen] - wanted.translations) * _STEPS).astype(int)
    for rotation, move in zip(wanted.rotations, moves, strict=True):
        off = move + shifts - shifts @ rotation.T
        good &= ((off[:, None] - centrings[None]) % _STEPS == 0).all(-1).any(-1)
    return shifts[np.argmax(good)] / _STEPS if good.any() else None


def in_cell(
    frac: Points3, chemical: Float[np.ndarray, " n"], group: Group, cell: Matrix3
) -> tuple[Points3, Float[np.ndarray, " m"]]:
    """All atoms of the cell, each once, and their chemical occupancies."""
    alone = Group.from_name("P 1")
    places: list[np.ndarray] = []
    counts: list[float] = []
    for place, occupancy in zip(frac, chemical, strict=True):
        images: list[np.ndarray] = []
        for image in group.rotations @ place + group.translations:
            if not images or nearest_distance(image, np.array(images), alone, cell) > _SAME:
                images.append(image)
        places += images
        counts += [float(occupancy)] * len(images)
    return np.array(places), np.array(counts)


def unnamed(frac: Points3) -> Atoms:
    """Atoms of which only the positions are known."""
    return Atoms(("C",) * len(frac), frac, np.full(len(frac), 0.04), np.ones(len(frac)))


def compare(
    answer: Atoms,
    truth: Atoms,
    chemical: Float[np.ndarray, " n"],
    group: Group,
    cell: Matrix3,
    hands: tuple[int, ...] = (1, -1),
) -> Comparison:
    """Best match over allowed origins and hands; minor parts of disorder count neither way."""
    major = chemical >= _MINOR if (chemical >= _MINOR).any() else chemical > 0
    best = Comparison(0.0, 1.0, np.inf)
    for hand in hands:
        for origin in allowed_origins(group, hand):
            placed = hand * answer.frac + origin
            for shift in _slides(placed, truth.frac, group, cell):
                found = _score(placed + shift, answer.elements, truth, major, group, cell)
                if (found.found - found.false, -found.mean_error) > (
                    best.found - best.false,
                    -best.mean_error,
                ):
                    best = found
    return best


def _slides(placed: Float[np.ndarray, "m 3"], truth: Points3, group: Group, cell: Matrix3) -> list[Vector3]:
    """Shifts along the polar axes that put some atom on another; one of zero without such axes."""
    polar = group.polar_axes()
    if not polar.any():
        return [np.zeros(3)]
    images = group.images(truth)
    slides = images.reshape(-1, 1, 3) - placed[None]
    slides -= np.rint(slides)
    off = np.where(polar, 0.0, slides)
    near = np.linalg.norm(off @ cell.T, axis=-1) < NEAR if not polar.all() else np.ones(off.shape[:2], bool)
    moves = np.where(polar, slides, 0.0)[near]
    counted = _neighbours(moves % 1.0, cell)
    return [moves[i] for i in np.argsort(-counted, kind="stable")[:3]] or [np.zeros(3)]


def _neighbours(moves: Points3, cell: Matrix3) -> Float[np.ndarray, " n"]:
    """How many moves lie within half of NEAR of each."""
    moves = moves[:4000]
    apart = moves[:, None] - moves[None]
    apart -= np.rint(apart)
    return (np.linalg.norm(apart @ cell.T, axis=-1) < NEAR / 2).sum(1).astype(float)


def _score(
    placed: Float[np.ndarray, "m 3"],
    elements: tuple[str, ...],
    truth: Atoms,
    major: np.ndarray,
    group: Group,
    cell: Matrix3,
) -> Comparison:
    """Mutually nearest atoms within NEAR."""
    images = group.images(truth.frac)
    apart = placed[:, None, None] - images[None]
    apart -= np.rint(apart)
    distance = np.linalg.norm(apart @ cell.T, axis=-1).min(1)
    nearest = distance.argmin(1)
    mutual = distance.argmin(0)[nearest] == np.arange(len(placed))
    hit = mutual & (distance.min(1) <= NEAR)
    found = major[nearest[hit]].sum() / max(major.sum(), 1)
    false = (~(distance.min(1) <= NEAR) | ~mutual).sum() / max(len(placed), 1)
    errors = distance.min(1)[hit]
    pairs = [(elements[i], truth.elements[nearest[i]]) for i in np.flatnonzero(hit) if major[nearest[i]]]
    named = sum(told == true for told, true in pairs) / max(len(pairs), 1)
    error = float(errors.mean()) if len(errors) else np.inf
    return Comparison(float(found), float(false), error, named)


def phase_cosine(
    calculated: Complex[np.ndarray, " n"], truth: Complex[np.ndarray, " n"], data: Observed
) -> float:
    """Mean of cos(φ - φ_true) weighted by F², at the best allowed origin and hand.

    The position along polar axes is the one that maximises it, on a grid of 0.1 Å at least.
    """
    weight = np.clip(data.intensity, 0.0, None)
    weight = weight / max(weight.sum(), 1e-20)
    lengths = np.linalg.norm(data.orthogonalisation, axis=0)
    polar = data.group.polar_axes()
    counts = [int(np.ceil(length / 0.1)) if free else 1 for length, free in zip(lengths, polar, strict=True)]
    steps = np.stack(np.meshgrid(*[np.arange(n) / n for n in counts], indexing="ij"), -1).reshape(-1, 3)
    best = -1.0
    for hand, phases in ((1, calculated), (-1, calculated.conj())):
        product = weight * phase_factor(phases).astype(complex) * phase_factor(truth).conj()
        for origin in allowed_origins(data.group, hand):
            turned = product * np.exp(2j * np.pi * (data.hkl @ origin))
            if len(steps) == 1:
                best = max(best, float(turned.real.sum()))
                continue
            waves = np.exp(2j * np.pi * (steps @ data.hkl.T))
            best = max(best, float((waves @ turned).real.max()))
    return best
