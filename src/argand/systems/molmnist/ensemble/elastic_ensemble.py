"""Variants of a fibril from its elastic network, with the twist and softness that molecular dynamics gives.

One bead a glucose; springs between beads nearer than 11 Å in three classes. A variant is a thermal draw of
the softest modes, which moves each glucose as a rigid body, and a little more by itself, twisted to a draw of
the fibril's twist, with every atom displaced by the crystal structure's own U.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import ndtri

from argand.errors import InputError
from argand.io.atomic import written
from argand.io.cache import cache_folder
from argand.io.resource import system_data
from argand.physics.fibre.elastic_network import Modes, draw_amplitudes, hessian, lowest_modes
from argand.physics.fibre.twist import DEG_PER_NM, twisted
from argand.system import from_config
from argand.systems.molmnist.ensemble.fluctuation import fibril_twist, sections
from argand.systems.molmnist.fibril.fibril import LENGTH, Fibril, build_fibril, chain_sites
from argand.typing import Points3

CUTOFF = 11.0
"""Å up to which beads have springs. By hand: it reaches the second glucose along a chain (10.4 Å) and all
chains around (5.3, 6.0, 7.8 and 8.2 Å), not the next ones; `fit` sets the springs' strength to it."""
NEIGHBOURS, _INSIDE = 7.0, 4
"""Å within which a chain of the crystal has so many others: two at 5.3, two at 6.0, the next at 7.8."""
MODES = 60
"""Softest modes that are drawn. By hand: with the shipped springs they make 92 % of the beads' variance in
2x2, 76 % in 3x3, and less in larger fibrils; what is left out is part of `glucose_rms`, which `fit` finds."""
SECTIONS = 32
"""Glucoses of a chain of 200 Å over which the twist is measured: 40, less four at either end."""
PARAMETERS = system_data("molmnist", "ensemble.json")
"""What `fit` found from runs of 2x2 and 3x3 in water; benchmarks/molmnist_ensemble.py sets others beside
it."""
_TURN = (np.sqrt(5) - 1) / 2
"""A turn of the unit interval that `draw` adds to the twist's random number for each variant.

It spreads nothing: an even chance stays even however it is turned, and variants stay independent. The sets
`standard` and `published` and their checksums are drawn with it, so it stays."""


@dataclass(frozen=True)
class EnsembleParameters:
    """What molecular dynamics tells the elastic network.

    `spring` is the constant of a spring between neighbouring sheets in kT/Å²; those within a sheet and along
    a chain are `sheet_ratio` and `chain_ratio` times as stiff; both ratios are by hand (hydrogen bonds
    against contacts, covalent bonds against either) and `fit` leaves them as they are. A fibril of n chains
    has the mean twist `twist_2x2_deg_per_nm` (4 + m) / (n + m), and its twist has the variance
    `twist_sd_2x2_deg_per_nm`² 4 (4 + m) / (n (n + m)) at a length of 200 Å, where m is
    `own_stiffness_chains`. `source` says where the numbers come from.

    Each chain would twist by itself, to ω₀, and resists with the stiffness k; holding n of them together
    resists with c n². The energy n k (ω - ω₀)² / 2 + c n² ω² / 2 of a length is least at ω = m ω₀ / (n + m)
    with m = k / c, and c n (n + m) is its stiffness.

    A rod with free ends twists from section to section independently: the angle is a random walk along the
    axis, and the slope fitted to N sections has the variance 6 / (5 N) of a step's. So the deviation falls
    with the root of the number of sections.

    Beyond the softest modes each glucose moves by itself by `glucose_rms` Å in three dimensions.

    Chains at the surface lie `swelling` Å further out than in the crystal, and their atoms' displacements are
    `disorder` times the crystal's; what is inside keeps the crystal's own.
    """

    spring: float
    sheet_ratio: float
    chain_ratio: float
    twist_2x2_deg_per_nm: float
    own_stiffness_chains: float
    twist_sd_2x2_deg_per_nm: float
    source: str
    glucose_rms: float = 0.0
    swelling: float = 0.0
    disorder: float = 1.0

    def mean_twist(self, chains: int) -> float:
        """Mean twist of a fibril in rad/Å."""
        return self.twist_2x2_deg_per_nm / DEG_PER_NM / times_less_twisted(chains, self.own_stiffness_chains)

    def twist_deviation(self, chains: int, measured: int = SECTIONS) -> float:
        """Standard deviation in rad/Å of the twist of a fibril, measured over so many sections."""
        stiffer = chains / 4 * times_less_twisted(chains, self.own_stiffness_chains)
        return self.twist_sd_2x2_deg_per_nm / DEG_PER_NM * float(np.sqrt(SECTIONS / measured / stiffer))


def times_less_twisted(chains: int, own_stiffness_chains: float) -> float:
    """How many times less a fibril of so many chains twists than one of four: (n + m) / (4 + m)."""
    return (chains + own_stiffness_chains) / (4 + own_stiffness_chains)


def read_parameters(path: Path = PARAMETERS) -> EnsembleParameters:
    """Parameters from JSON; InputError where there are none, ConfigError for unknown ones."""
    try:
        return from_config(EnsembleParameters, json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: not parameters of an ensemble; give a file written by argand molmnist fit"
        ) from error


@dataclass(frozen=True)
class Variant:
    """One shape of a fibril: atoms in Å, twist in rad/Å, energy in kT, and where it comes from."""

    cart: Float[np.ndarray, "n 3"]
    twist: float
    energy_kt: float
    source: str


class ModeEnsemble:
    """Draws variants of one fibril; the quantiles of their twists have equal chances and are independent."""

    def __init__(self, fibril: Fibril, parameters: EnsembleParameters) -> None:
        self.fibril, self.parameters = fibril, parameters
        self.modes = fibril_modes(fibril, parameters)
        surface = surface_chains(fibril)[np.arange(fibril.glucose[-1] + 1) // fibril.glucoses_per_chain]
        outwards = parameters.swelling * surface[:, None] * _outwards(fibril)
        self._beads = fibril.beads(fibril.cart) + outwards
        self._flat = self.modes.shape.reshape(len(self.modes), -1)
        self._cart = (fibril.cart + outwards[fibril.glucose]).astype(np.float32)
        looser = np.where(surface[fibril.glucose], parameters.disorder, 1.0)
        self._deviation = (looser * np.sqrt(fibril.u_iso)).astype(np.float32)[:, None]

    @property
    def twist(self) -> tuple[float, float]:
        """Mean and standard deviation of the variants' twist in rad/Å."""
        chains, told = self.fibril.chains, self.parameters
        return told.mean_twist(chains), told.twist_deviation(chains, sections(self.fibril))

    def draw(self, number: int, random: np.random.Generator) -> Variant:
        """A variant at thermal equilibrium; its energy is that of the modes, Σ k a² / 2 in kT."""
        mean, deviation = self.twist
        quantile = (random.random() + number * _TURN) % 1.0
        # Both ends at 4.75 deviations: the quantile of 0 would be infinite.
        away = float(ndtri(np.clip(quantile, 1e-6, 1 - 1e-6)))
        twist = mean + away * deviation
        move, amplitude = self.displacement(random)
        # The modes twist a little themselves; only what is lacking is put on top.
        rate = twist - fibril_twist(self.fibril, self._beads + move)
        cart = move.astype(np.float32)[self.fibril.glucose]
        cart += self._cart
        noise = random.standard_normal(cart.shape, np.float32)
        noise *= self._deviation
        # A glucose moves as a whole with its bead alone.
        noise -= noise[self.fibril.ring].mean(1)[self.fibril.glucose]
        cart += noise
        energy = float(self.modes.stiffness @ amplitude**2) / 2
        return Variant(twisted(cart, rate), twist, energy, "modes")

    period = 10
    """Variants after which the splits come round again; eight, one and one of ten are by hand."""

    def split(self, number: int) -> int:
        """Of ten independent draws eight train, one validates, one tests."""
        return max(number % 10 - 7, 0)

    def displacement(self, random: np.random.Generator) -> tuple[Points3, Float[np.ndarray, " mode"]]:
        """Thermal displacements of the beads in Å, and the amplitudes of the modes that make most of them."""
        amplitude = draw_amplitudes(self.modes, random)
        move = (amplitude @ self._flat).reshape(-1, 3)
        # The rms is that of a distance; an axis has a third of its square.
        own = self.parameters.glucose_rms / np.sqrt(3)
        return move + own * random.standard_normal(move.shape), amplitude


def surface_chains(fibril: Fibril) -> Bool[np.ndarray, " chain"]:
    """Chains that lack one of the four neighbours that a chain of the crystal has."""
    from scipy.spatial import KDTree  # slow to import, and no prediction makes an ensemble

    axes = _axes(fibril)
    neighbours = KDTree(axes).query_ball_point(axes, NEIGHBOURS, return_length=True) - 1
    return np.asarray(neighbours) < _INSIDE


def _axes(fibril: Fibril) -> Float[np.ndarray, "chain 2"]:
    """Where the chains' axes are."""
    beads = fibril.beads(fibril.cart).reshape(fibril.chains, fibril.glucoses_per_chain, 3)
    return beads[..., :2].mean(1)


def _outwards(fibril: Fibril) -> Points3:
    """For each glucose, the direction from the fibril's axis to its chain's; none for one in the axis."""
    axes = _axes(fibril)
    # Within 1 Å of the axis a chain has no outside; the length fades instead of a direction that jumps.
    away = axes / np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1.0)
    return np.repeat(np.column_stack([away, np.zeros(len(away))]), fibril.glucoses_per_chain, axis=0)


def springs(fibril: Fibril, parameters: EnsembleParameters) -> tuple[Int[np.ndarray, "m 2"], np.ndarray]:
    """Pairs of beads nearer than the cut-off, and the constants of their springs in kT/Å².

    Chains of one number of a/2 are of one sheet: sheets are (200).
    """
    from scipy.spatial import KDTree

    beads = fibril.beads(fibril.cart)
    pairs = KDTree(beads).query_pairs(CUTOFF, output_type="ndarray")
    # A fixed order, so that sums and with them cached modes are the same everywhere.
    pairs = pairs[np.lexsort(pairs.T[::-1])]
    chain = pairs // fibril.glucoses_per_chain
    sheet = chain_sites(fibril.name)[:, 0][chain]
    stiff = np.where(sheet[:, 0] == sheet[:, 1], parameters.sheet_ratio, 1.0)
    stiff = np.where(chain[:, 0] == chain[:, 1], parameters.chain_ratio, stiff)
    return pairs, parameters.spring * stiff


def fibril_modes(fibril: Fibril, parameters: EnsembleParameters) -> Modes:
    """The softest modes of a fibril, from the cache where they have been computed before."""
    pairs, spring = springs(fibril, parameters)
    known = {
        "beads": fibril.beads(fibril.cart).round(4).tolist(),
        "springs": [parameters.spring, parameters.sheet_ratio, parameters.chain_ratio],
        "modes": MODES,
    }
    key = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]
    path = cache_folder("molmnist") / f"modes-{fibril.name}-{key}.npz"
    if path.exists():
        with np.load(path) as file:
            return Modes(file["stiffness"], file["shape"])
    modes = lowest_modes(hessian(fibril.beads(fibril.cart), pairs, spring), MODES)
    with written(path) as temporary, temporary.open("wb") as file:
        np.savez(file, stiffness=modes.stiffness, shape=modes.shape)
    return modes


@cache
def ensemble(name: str, length: float = LENGTH, parameters: EnsembleParameters | None = None) -> ModeEnsemble:
    """The ensemble of a fibril with the shipped parameters or others, kept in memory.

    ConfigError for no fibril.
    """
    return ModeEnsemble(build_fibril(name, length), parameters or read_parameters())
