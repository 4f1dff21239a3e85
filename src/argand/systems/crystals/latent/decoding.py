"""From a vector back to atoms: places by deconvolution, species from their own coefficients."""

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import UInt8

from argand.physics.crystal.canonical import Setting, canonical
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.matching_pursuit import Pursuit
from argand.physics.crystal.reciprocal import place_spread, waves
from argand.physics.crystal.structure import Structure, wrapped
from argand.physics.crystal.supercell import folded
from argand.systems.crystals.latent.decoded import Decoded
from argand.systems.crystals.latent.element_codes import amplitudes, code_weights, nearest
from argand.systems.crystals.latent.representation import Content, Latent, Representation

TRIES = 100
"""Restarts where the positions do not explain the coefficients. By hand: most structures need none; time
limits the others (SECONDS)."""
Elements = UInt8[np.ndarray, " element"]
"""Atomic numbers."""
SECONDS = 10.0
"""Computing time after which the best structure so far is taken. By hand: few structures need a second, those
of 53 to 200 atoms 0.24 s in the mean and 5.6 s at most (benchmarks/crystals.py)."""
_FEW, _EARLY = 15, 0.12
"""Restarts, and share of the seconds left, after which a longer vector is tried instead. By hand."""
_ALL_TRIES = 200
"""Atoms up to which all restarts are made; beyond, as many as take the same time, which is taken to grow with
the square of the atoms. By hand; the largest cells of benchmarks/crystals.py have as many."""
_ROUNDING = 1e-4
"""Error of coefficients that is always there, with much to spare for single precision. By hand."""
_SAME, _SURE = 0.02, 0.9
"""Å between a structure and what came back of it, root mean square; and the least confidence. By hand: what
comes back right is within 1e-4 Å and above 0.9999 in benchmarks/crystals_others.py, so neither is near its
limit."""


def decode(
    representation: Representation,
    latent: Latent,
    tries: int = TRIES,
    seconds: float = SECONDS,
    among: Elements | None = None,
) -> Decoded:
    """The structure of a vector, of any elements or of those `among`; InputError for anything but a vector.

    `seconds` are those of this thread's processor, so that other work on the machine counts little.
    """
    return decode_content(representation.read(latent), tries, seconds, among)


def decode_content(
    content: Content, tries: int = TRIES, seconds: float = SECONDS, among: Elements | None = None
) -> Decoded:
    """The structure that explains the coefficients best, of those found in so many seconds of computing.

    Places by matching pursuit, then elements by least squares at these places: docs/theory/crystals.md.
    """
    search = Pursuit(content.lattice, content.hkl, content.density, content.count, seconds)
    found = search.solve(int(np.ceil(tries * min(1.0, (_ALL_TRIES / content.count) ** 2))))
    noise = float(np.sqrt(found.misfit * content.count)) + _ROUNDING
    wave = waves(content.species_hkl, found.frac)
    weights, spread = amplitudes(wave, content.species, content.totals, noise)
    species, _ = nearest(weights, spread, among)
    exact = code_weights(species, content.totals.shape[0])
    left = np.concatenate([content.species - wave @ exact, (content.totals - exact.sum(0))[None]])
    # Of codes at random; not below a thousandth, as elements of one dimension can have a code near 0.
    scale = content.count * max(float(np.mean(exact**2)), 1e-3)
    unexplained = float(np.mean(np.abs(left) ** 2)) / scale
    misfit = float(np.sqrt(0.5 * (found.misfit + unexplained)))
    # Species that leave more unexplained than places do are less sure than the places' error says.
    doubt = max(noise, float(np.sqrt(unexplained * content.count)))
    # Elements were chosen before: a common factor of the spread changes how sure they are, not which.
    probability = nearest(weights, spread * doubt / noise, among)[1]
    places = place_spread(content.lattice, content.hkl, found.frac, noise)
    structure = Structure(content.lattice, species, wrapped(found.frac))
    decoded = Decoded(structure, misfit, probability, places)
    return decoded if content.setting is None else decoded.restored(Setting(structure, *content.setting))


def encode_verified(
    representation: Representation, structure: Structure, tries: int = TRIES, seconds: float = SECONDS
) -> tuple[Latent, Decoded]:
    """The first vector of a structure from which it comes back, and what comes back from the vector.

    Vectors of further steps are tried in turn, most of the seconds being the last one's; where none brings
    the structure back, the surest is given.
    """
    end = time.thread_time() + seconds
    best: tuple[Latent, Decoded] | None = None
    for latent, is_last in _vectors(representation, structure):
        left = end - time.thread_time()
        limits = (tries, left) if is_last else (min(tries, _FEW), _EARLY * left)
        decoded = decode(representation, latent, *limits)
        decoded = replace(decoded, comes_back=is_same(decoded.structure, structure))
        if decoded.confidence > _SURE and decoded.comes_back:
            return latent, decoded
        if best is None or decoded.confidence > best[1].confidence:
            best = latent, decoded
    assert best is not None
    return best


def verified_step(
    representation: Representation, structure: Structure, tries: int = TRIES, seconds: float = SECONDS
) -> int:
    """The first step of indices that brings a structure back in the setting it has; the last where none does.

    Most of the seconds are the last one's.
    """
    last = representation.steps(len(structure)) - 1
    for step in range(last):
        decoded = decode(
            representation, representation.encode(structure, step), min(tries, _FEW), _EARLY * seconds
        )
        if decoded.confidence > _SURE and is_same(decoded.structure, structure):
            return step
    return last


def _vectors(representation: Representation, structure: Structure) -> Iterator[tuple[Latent, bool]]:
    """Vectors of a structure, and whether each is the last one.

    Those of the canonical setting come first. Where they do not bring a supercell back, and where vectors are
    wanted as given, the cell as it is follows.
    """
    if representation.as_given:
        yield from _vectors_as_given(representation, structure)
        return
    setting = canonical(structure)
    steps = representation.steps(len(setting.structure))
    is_folded = len(setting.structure) < len(structure)
    for step in range(steps):
        yield representation.encode_setting(setting, step), step == steps - 1 and not is_folded
    if is_folded:
        yield from _vectors_as_given(representation, structure)


def _vectors_as_given(representation: Representation, structure: Structure) -> Iterator[tuple[Latent, bool]]:
    """Vectors of the cell as it is.

    A supercell of many atoms is told by its smallest cell first; one of few atoms only where it is not
    determined as it is, so that cells of one shape have vectors of one kind.
    """
    last = representation.steps(len(structure)) - 1
    is_small = len(structure) <= representation.atoms
    if is_small:
        yield representation.encode(structure), False
    smallest = folded(structure)
    if smallest is not None:
        for step in range(representation.steps(len(smallest.primitive))):
            yield representation.encode_folded(smallest, step), False
    for step in range(1 if is_small else 0, last + 1):
        yield representation.encode(structure, step), step == last


def is_same(decoded: Structure, truth: Structure) -> bool:
    """Whether all atoms are there, with their elements, to 0.02 Å root mean square; both in one setting."""
    comparison = compare(decoded, truth)
    return comparison.is_exact and comparison.rms_distance < _SAME
