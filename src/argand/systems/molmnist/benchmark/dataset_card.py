"""The card of a data set: what it holds, how it was made, and what it cannot tell."""

# ruff: noqa: E501 (rows of its tables)

from pathlib import Path

from argand import __version__
from argand.io.atomic import write_text
from argand.physics.coherent.exposure import Detector
from argand.systems.molmnist.ensemble.elastic_ensemble import read_parameters
from argand.systems.molmnist.ensemble.rod_ensemble import WAVES
from argand.systems.molmnist.fibril.bundle import GRID, OUTLINES, Bundles
from argand.systems.molmnist.structures.set_card import structures_card
from argand.systems.molmnist.system import SOURCES, SPLITS, Molmnist

_HEADING = "# Data set `"
"""With which every card begins."""
_LICENCE = """The pairs are computed; whoever makes them may use them freely. The crystal structure is entry 4114994 of the
Crystallography Open Database, in the public domain (Nishiyama, Langan & Chanzy, J. Am. Chem. Soc. 124, 9074, 2002)."""
_LICENCE_FIBRILS = (
    """The fibrils and the published form of the patterns follow Zhang et al., arXiv 1911.07644."""
)

_LIMITS_FIBRILS = """- Variants of the source `modes` are thermal draws of an elastic network about the crystal structure: no frayed ends, no
  turned hydroxymethyl groups, no water in the pattern.
- Variants of the source `md` are frames of one run and alike where they are near in time; their splits are parts of the run.
- Mean twists are an assumption, fitted to short runs of the two smallest fibrils in water and extrapolated to the others;
  microscopy of wood fibrils says a third to a sixth of them.
- The beam is along the axis of one fibril alone; there is no background.
- Ten outlines are ten templates: turned class means come near to a network here. `hard` has no classes."""

_LIMITS_BUNDLES = """- The ranges are by hand and wider than what is known: they are no population of any plant.
- A bundle moves as a rod: it bends, its sections turn, atoms move about their places; it neither shears nor frays, and no
  chain slips. How far is a power law of chains, length and wave, set by hand to elastic networks of fibrils that were in turn
  fitted to short molecular dynamics of 4 and 9 chains.
- Without a bent Ewald sphere a pattern is blind to a mirror image along the beam: the hand of the twist (the sign of
  `twist_deg_per_nm`) and that of the tilt cannot be told, and a shape is known up to half a turn.
- Background is smooth, partial coherence is a blur, counts have Poisson noise alone; there is no water and no second bundle.
- Patterns of some ten photons tell next to nothing; score them by `photons`."""


def write_card(out: Path, system: Molmnist, count: int, seed: int) -> Path:
    """Write NAME.md beside the data set."""
    path = out.with_suffix(".md")
    write_text(path, card_text(out.stem, system, count, seed))
    return path


def is_card(path: Path) -> bool:
    """Whether a file is the card of a data set."""
    with path.open("rb") as file:
        return file.read(len(_HEADING)) == _HEADING.encode()


def card_text(name: str, system: Molmnist, count: int, seed: int) -> str:
    """The card as Markdown."""
    if system.structures is not None:
        return structures_card(name, system.structures, system.imaging, system.detector, count, seed)
    if system.bundles is None:
        held, columns, made = _fibrils_held(system), _fibril_columns(system), _fibrils_made()
        licence, limits = f"{_LICENCE}\n{_LICENCE_FIBRILS}", _LIMITS_FIBRILS
    else:
        detector = system.detector or Detector()
        held = f"bundles of chains of cellulose Iβ of any outline, {_told(system.bundles.chains)} chains each"
        columns, made = _bundle_columns(system, detector), _bundles_made(system.bundles, detector)
        licence, limits = _LICENCE, _LIMITS_BUNDLES
    return f"""{_HEADING}{name}`

{count} pairs of {held}; seed {seed}, argand {__version__}.

| array | what it is |
|---|---|
{columns}

`{name}.shards/checksums.json` has size and SHA-256 of each shard, of the index `{name}.h5` and of this card; `argand molmnist
check {name}.h5` compares them and gives the SHA-256 of the pairs themselves.

## How it was made

{made}

## Licence

{licence}

## Known limits

{limits}
"""


def _fibrils_held(system: Molmnist) -> str:
    return f"the cellulose Iβ fibrils {', '.join(system.fibrils)}, {system.length:g} Å long, in turn"


def _places(system: Molmnist) -> tuple[str, str]:
    """Size of the shape's image, and where q is in the pattern's."""
    window = system.imaging.window
    size, side = window.size, window.side
    return (
        f"{size} x {size} pixels of {window.pixel:g} Å ({side:g} Å)",
        f"q = 0 in pixel [{size // 2}, {size // 2}], steps of 2π/{side:g} 1/Å",
    )


def _splits() -> str:
    return ", ".join(f"{number} {split}" for number, split in enumerate(SPLITS))


def _fibril_columns(system: Molmnist) -> str:
    imaging = system.imaging
    wave = "flat Ewald sphere" if imaging.wavelength is None else f"wavelength {imaging.wavelength:g} Å"
    noise = "no noise" if imaging.photons is None else f"{imaging.photons:g} photons expected (Poisson)"
    scale = "divided by I(0), which is masked" if imaging.normalise else "in electrons²"
    scale = "photons; I(0) is masked" if imaging.photons and imaging.normalise else scale
    turned = "each turned at random about the beam" if imaging.rotate else "all aligned"
    pixels, steps = _places(system)
    return f"""| `shape` | electrons per pixel, uint16, {pixels}; {turned} |
| `pattern` | intensity, float32, {steps}: {imaging.projection}, {wave}, \
{imaging.radiation}, {noise}, beam stop to {imaging.beam_stop:g} 1/Å, point spread {imaging.blur_px:g} px; {scale} |
| `fibril`, `variant` | class 0 to 9; number of the draw |
| `split` | {_splits()} |
| `source` | {", ".join(f"{number} {source}" for number, source in enumerate(SOURCES))} |
| `twist_deg_per_nm`, `rotation_deg` | of the fibril along and about its axis |
| `energy_kt` | energy of the modes, or of the frame's fibril by itself over its run's mean (not a number where the run did not keep it) |"""


def _fibrils_made() -> str:
    parameters = read_parameters()
    return f"""One glucose is one bead of an elastic network, cut-off 11 Å, springs of {parameters.spring:g} kT/Å² between sheets,
{parameters.sheet_ratio:g} times that within a sheet and {parameters.chain_ratio:g} times along a chain; 60 softest modes at thermal
equilibrium move each glucose as a rigid body, and each moves by {parameters.glucose_rms:g} Å by itself. Mean twist
{parameters.twist_2x2_deg_per_nm:g} / f and standard deviation {parameters.twist_sd_2x2_deg_per_nm:g} / sqrt(f n/4) degrees/nm for n chains,
f = (n + m) / (4 + m), m = {parameters.own_stiffness_chains:g}. Every atom is displaced by the U of the crystal structure,
{parameters.disorder:g} times as far in chains at the surface, which lie {parameters.swelling:g} Å further out. Source of these
numbers: {parameters.source}.

Of ten draws eight train, one validates, one tests."""


def _bundle_columns(system: Molmnist, detector: Detector) -> str:
    pixels, steps = _places(system)
    kinds = ", ".join(f"{number} {outline}" for number, outline in enumerate(OUTLINES))
    counted = "photons counted" if detector.counted else "expected shares of all photons"
    return f"""| `shape` | electrons per pixel, uint16, {pixels}; turned at random about the beam, and aslant |
| `pattern` | {counted}, float32, {steps}: form factors, flat Ewald sphere, {system.imaging.radiation}; 0 where nothing is measured |
| `live` | pixels of the pattern that are measured, bool: each pattern has its own beam stop and gaps |
| `sites` | 1 where there is a chain, uint8, {GRID} x {GRID}: [i, j] is at i(a + b)/2 + j(a - b)/2 of the crystal |
| `chains`, `missing` | number of chains there are, and of surface chains that were taken out before |
| `outline` | {kinds} |
| `split` | {_splits()} |
| `twist_deg_per_nm` | slope of the sections' turn against height, by least squares over all; positive is right-handed |
| `turn_deg` | the twist's size times the length: from one end to the other |
| `length` | Å, whole repeats of the crystal |
| `rotation_deg` | turn about the axis at half height |
| `tilt_deg`, `tilt_azimuth_deg` | how far the axis leans from the beam, and whereto, from x towards y |
| `photons`, `background` | expected on all measured pixels, and the share of them that is background |
| `blur_px` | standard deviation of the point spread in pixels |"""


def _bundles_made(plan: Bundles, detector: Detector) -> str:
    parameters = read_parameters()
    return f"""Outlines (diamonds n x m, hexagons of (200) sheets, round and irregular ones) have equal chances; a share of {plan.missing:g}
lacks surface chains, one to a tenth of all. Drawn with equal chances: twist from {-plan.twist_deg_per_nm:g} to \
{plan.twist_deg_per_nm:g} degrees/nm whatever the
outline, length {_told(plan.lengths)} Å, tilt in its solid angle up to {plan.tilt_deg:g} degrees, point spread {_told(detector.blur_px)} px,
beam stop {_told(detector.beam_stop)} 1/Å; on a logarithmic scale: photons {_told(detector.photons)}, background
{_told(detector.background)} of them, half of it flat and half a Gaussian of {detector.background_q:g} 1/Å. A share of \
{detector.gaps:g} has a gap along each
axis, {_told(detector.gap_width)} 1/Å wide and within {detector.gap_place:g} 1/Å of q = 0.

A bundle is a rod of the crystal's chains: {WAVES} waves bend it and turn its sections, each glucose moves by
{parameters.glucose_rms:g} Å by itself, and every atom by the U of the crystal structure, {parameters.disorder:g} times as far in chains at the surface,
which lie {parameters.swelling:g} Å further out. Positions and amplitudes are of double precision.

Of ten pairs in turn eight train, one validates, one tests. An outline, with its missing chains, belongs to one split alone, by a
hash of its sites that is blind to translation and half a turn; so no outline that tests or validates is ever trained on.
Each split is drawn from random numbers of its own."""


def _told(ends: tuple[float, float]) -> str:
    """A range, or its one value."""
    low, high = ends
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
