"""Decoding of latents that belong to no crystal: atoms that come out too near to each other part."""

from dataclasses import replace

import numpy as np

from argand.physics.crystal.canonical import Setting
from argand.physics.crystal.overlap import is_crowded, separate_overlaps
from argand.physics.crystal.reciprocal import waves
from argand.systems.crystals.latent.decoded import Decoded
from argand.systems.crystals.latent.decoding import Elements, decode_content
from argand.systems.crystals.latent.representation import Content, Latent, Representation


def relax_overlaps(
    representation: Representation, latent: Latent, tries: int, among: Elements | None = None
) -> Decoded:
    """The structure of a vector, with crowded atoms moved apart as far as the vector allows.

    Its elements are those `among` which they must be, or any. `tries` as of `decode`; InputError for no
    vector.
    """
    content = representation.read(latent)
    decoded = _relaxed(replace(content, setting=None), tries, among)
    if content.setting is None:
        return decoded
    return decoded.restored(Setting(decoded.structure, *content.setting))


def _relaxed(content: Content, tries: int, among: Elements | None) -> Decoded:
    decoded = decode_content(content, tries, among=among)
    if not is_crowded(decoded.structure):
        return decoded
    before = content.density - waves(content.hkl, decoded.structure.frac_coords).sum(1)
    square = float(np.mean(np.abs(before) ** 2)) / content.count
    structure, misfit = separate_overlaps(decoded.structure, content.hkl, content.density)
    # Half of a decoded structure's squared misfit is that of the places.
    total = decoded.misfit**2 + 0.5 * (misfit - square)
    return replace(decoded, structure=structure, misfit=float(np.sqrt(max(total, 0.0))))
