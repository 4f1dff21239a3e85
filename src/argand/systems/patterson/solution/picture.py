"""A small picture of atoms and bonds, for notebooks."""

import io

import numpy as np

from argand.page.element_look import colour
from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.bond import bonds, covalent_radii, grown
from argand.physics.crystal.symmetry import Group
from argand.typing import Matrix3, Points3

_MOST = 500
"""Atoms that are drawn. By hand: more hide each other, and the search for bonds takes time."""


def crystal_picture(atoms: Atoms, group: Group, orthogonalisation: Matrix3) -> bytes:
    """PNG of the asymmetric unit with the images that complete its molecules."""
    atoms = atoms.take(np.arange(min(len(atoms), _MOST)))
    fragment = grown(atoms.frac, covalent_radii(atoms.elements), group, orthogonalisation)
    return atoms_picture(fragment.cart, [atoms.elements[number] for number in fragment.source])


def atoms_picture(places: Points3, elements: "list[str] | tuple[str, ...]", joined: bool = True) -> bytes:
    """PNG of atoms, seen along the direction in which they spread least, with bonds where they are `joined`.

    `places` are Cartesian, in Å where bonds are to be drawn.
    """
    from matplotlib.figure import Figure

    places, elements = places[:_MOST], tuple(elements[:_MOST])
    flat = _flattened(places)
    figure = Figure(figsize=(3.2, 3.2), dpi=100)
    axes = figure.add_axes((0.02, 0.02, 0.96, 0.96))
    for first, second in bonds(places, covalent_radii(elements)) if joined else ():
        axes.plot(*flat[[first, second], :2].T, color="#777", linewidth=2, zorder=1)
    order = np.argsort(flat[:, 2])
    colours = [colour(elements[number]) for number in order]
    axes.scatter(*flat[order, :2].T, s=60, c=colours, edgecolors="#222", linewidths=0.6, zorder=2)
    axes.set_aspect("equal", "datalim")
    axes.axis("off")
    held = io.BytesIO()
    figure.savefig(held, format="png")
    return held.getvalue()


def _flattened(places: Points3) -> Points3:
    """Coordinates along the principal axes, the one of least spread last."""
    middle = places - places.mean(0)
    _, _, directions = np.linalg.svd(np.vstack([middle, 1e-6 * np.eye(3)]), full_matrices=False)
    return middle @ directions.T
