"""Cellulose Iβ from its crystal structure: two kinds of chain, their residues and hydroxyl hydrogens.

Structure: Nishiyama, Langan & Chanzy, J. Am. Chem. Soc. 124, 9074 (2002), entry 4114994 of the
Crystallography Open Database, with hydrogen network A of that paper. Atom names are those of the GLYCAM
force field.
"""

from dataclasses import dataclass
from functools import cache

import gemmi
import numpy as np
from jaxtyping import Float

from argand.io.resource import system_data
from argand.physics.fibre.internal_coordinates import turn_to, with_angle
from argand.typing import Matrix3, Points3, Vector3

CIF = system_data("molmnist", "COD_4114994_cellulose_Ibeta.cif")

NAMES = (
    *("C1", "H1", "O5", "C5", "H5", "C6", "H62", "H61", "O6", "H6O", "C4"),
    *("H4", "C3", "H3", "O3", "H3O", "C2", "H2", "O2", "H2O", "O4"),
)
"""Atoms of a glucose inside a chain, as in GLYCAM's residue 4GB; O4 leads to the glucose before."""
BONDS = (
    *(("C1", "H1"), ("C1", "O5"), ("C1", "C2"), ("O5", "C5"), ("C5", "H5"), ("C5", "C6"), ("C5", "C4")),
    *(("C6", "H62"), ("C6", "H61"), ("C6", "O6"), ("O6", "H6O"), ("C4", "H4"), ("C4", "C3"), ("C4", "O4")),
    *(("C3", "H3"), ("C3", "O3"), ("O3", "H3O"), ("C3", "C2"), ("C2", "H2"), ("C2", "O2"), ("O2", "H2O")),
)
"""Bonds within a glucose; between two, C1 is bonded to O4 of the next."""
RING = ("C1", "C2", "C3", "C4", "C5", "O5")
"""Whose mean is the bead of a glucose."""
O_H, C_O_H = 0.97, np.radians(108.5)
"""Length in Å and angle in radians of a hydroxyl group: by hand, those of an alcohol to 0.01 Å and 1°. The
X-ray structure has no hydroxyl hydrogens; dynamics minimises what is placed, variants of modes keep it."""
_HYDROXYLS = {"H3O": ("C2", "C3", "O3"), "H2O": ("C1", "C2", "O2"), "H6O": ("C5", "C6", "O6")}
"""The atoms that each hydroxyl hydrogen is placed by; the last carries it."""


@dataclass(frozen=True)
class Chain:
    """A chain of the crystal: its axis (frac), atoms of its first glucose (Å, from the axis), U in Å²."""

    axis: tuple[float, float]
    glucose: Float[np.ndarray, "21 3"]
    u_iso: Float[np.ndarray, "21"]


@dataclass(frozen=True)
class Cellulose:
    """The cell (columns a, b, c in Å, c along z) and the chains through its origin and its centre."""

    orthogonalisation: Matrix3
    chains: tuple[Chain, Chain]

    @property
    def rise(self) -> float:
        """Å along the chain from one glucose to the next: half of c."""
        return float(self.orthogonalisation[2, 2]) / 2

    def glucoses(self, kind: int, count: int) -> Float[np.ndarray, "count 21 3"]:
        """The first `count` glucoses of a chain (Å, from its axis): each is turned by 180° and raised."""
        return screwed(self.chains[kind].glucose, self.rise, range(count))


def screwed(points: Points3, rise: float, steps: range) -> Float[np.ndarray, "steps n 3"]:
    """Images of points (Å) under powers of the twofold screw along z, which rises by `rise` Å."""
    power = np.array(steps)
    turn = np.where(power % 2, -1.0, 1.0)
    images = points[None] * np.stack([turn, turn, np.ones(len(power))], 1)[:, None]
    images[:, :, 2] += rise * power[:, None]
    return images


@cache
def cellulose() -> Cellulose:
    """The structure, complete with hydroxyl hydrogens, which get the largest U of the entry's atoms."""
    block = gemmi.make_small_structure_from_block(gemmi.cif.read(str(CIF)).sole_block())
    orthogonalisation = np.array(block.cell.orth.mat.tolist())
    sites = {site.label: site for site in block.sites}
    chains = []
    for number, axis in ((1, (0.0, 0.0)), (2, (0.5, 0.5))):
        found = [sites.get(_label(name, number)) for name in NAMES]
        hydrogen_u = max(site.u_iso for site in sites.values())
        frac = np.array([[np.nan] * 3 if site is None else site.fract.tolist() for site in found])
        u_iso = np.array([hydrogen_u if site is None else site.u_iso for site in found])
        cart = (frac - np.array([*axis, 0.0])) @ orthogonalisation.T
        chains.append(Chain(axis, cart, u_iso))
    return _with_hydroxyls(Cellulose(orthogonalisation, (chains[0], chains[1])))


def _label(name: str, chain: int) -> str:
    """Label in the CIF: C1 is C11 or C12, O4 is O11 or O12, H61 is H61A or H62A."""
    name = {"O4": "O1", "H61": "H6A", "H62": "H6B"}.get(name, name)
    return f"{name[:2]}{chain}{name[2:]}"


def _with_hydroxyls(crystal: Cellulose) -> Cellulose:
    """The crystal with each hydroxyl hydrogen turned to the acceptor of network A."""
    chains = []
    for kind, chain in enumerate(crystal.chains):
        cart = chain.glucose.copy()
        for name, parents in _HYDROXYLS.items():
            first, second, oxygen = (cart[NAMES.index(parent)] for parent in parents)
            acceptor = _acceptor(crystal, kind, name)
            # The torsion of the start is of no account: the next line turns it away.
            start = with_angle(first, second, oxygen, O_H, C_O_H, 0.0)
            cart[NAMES.index(name)] = turn_to(start, second, oxygen, acceptor)
        chains.append(Chain(chain.axis, cart, chain.u_iso))
    return Cellulose(crystal.orthogonalisation, (chains[0], chains[1]))


def _acceptor(crystal: Cellulose, kind: int, name: str) -> Vector3:
    """Where the acceptor of a hydroxyl of the first glucose is (Å, from the chain's axis).

    Network A: O3-H to O5 and O2-H to O6 of the neighbouring glucose, O6-H to O3 of the next chain of the
    sheet.
    """
    chain = crystal.chains[kind].glucose
    donor = chain[NAMES.index(_HYDROXYLS[name][2])]
    wanted, sideways = {"H3O": ("O5", False), "H2O": ("O6", False), "H6O": ("O3", True)}[name]
    images = screwed(chain[[NAMES.index(wanted)]], crystal.rise, range(-2, 3))[:, 0]
    b = crystal.orthogonalisation[:, 1]
    images = np.concatenate([images - b, images + b]) if sideways else images[[1, 3]]
    return images[np.argmin(np.linalg.norm(images - donor, axis=1))]
