"""The card of a data set: what it holds, how it was made, and what it cannot tell."""

# ruff: noqa: E501 (rows of its tables)

from pathlib import Path

from argand import __version__
from argand.io.atomic import write_text
from argand.systems.molmnist.ensemble.elastic_ensemble import read_parameters
from argand.systems.molmnist.structures.set_card import structures_card
from argand.systems.molmnist.system import SOURCES, SPLITS, Molmnist

_LICENCE = """The pairs are computed; whoever makes them may use them freely. The crystal structure is entry 4114994 of the
Crystallography Open Database, in the public domain (Nishiyama, Langan & Chanzy, J. Am. Chem. Soc. 124, 9074, 2002). The
fibrils and the published form of the patterns follow Zhang et al., arXiv 1911.07644."""

_LIMITS = """- Variants of the source `modes` are thermal draws of an elastic network about the crystal structure: no frayed ends, no
  turned hydroxymethyl groups, no water in the pattern.
- Variants of the source `md` are frames of one run and alike where they are near in time; their splits are parts of the run.
- The beam is along the axis of one fibril alone; there is no background."""


def write_card(out: Path, system: Molmnist, count: int, seed: int) -> Path:
    """Write NAME.md beside the data set."""
    path = out.with_suffix(".md")
    write_text(path, card_text(out.stem, system, count, seed))
    return path


def card_text(name: str, system: Molmnist, count: int, seed: int) -> str:
    """The card as Markdown."""
    if system.structures is not None:
        return structures_card(name, system.structures, system.imaging, system.detector, count, seed)
    imaging, parameters = system.imaging, read_parameters()
    wave = "flat Ewald sphere" if imaging.wavelength is None else f"wavelength {imaging.wavelength:g} Å"
    noise = "no noise" if imaging.photons is None else f"{imaging.photons:g} photons expected (Poisson)"
    scale = "divided by I(0), which is masked" if imaging.normalise else "in electrons²"
    turned = "each turned at random about the beam" if imaging.rotate else "all aligned"
    size, side = imaging.window.size, imaging.window.side
    return f"""# Data set `{name}`

{count} pairs of the cellulose Iβ fibrils {", ".join(system.fibrils)}, {system.length:g} Å long, in turn; seed {seed},
argand {__version__}.

| array | what it is |
|---|---|
| `shape` | electrons per pixel, uint16, {size} x {size} pixels of {imaging.window.pixel:g} Å ({side:g} Å); {turned} |
| `pattern` | intensity, float32, q = 0 in pixel [{size // 2}, {size // 2}], steps of 2π/{side:g} 1/Å: {imaging.projection}, {wave}, \
{imaging.radiation}, {noise}, beam stop to {imaging.beam_stop:g} 1/Å, point spread {imaging.blur_px:g} px; {scale} |
| `fibril`, `variant` | class 0 to 9; number of the draw |
| `split` | {", ".join(f"{number} {split}" for number, split in enumerate(SPLITS))} |
| `source` | {", ".join(f"{number} {source}" for number, source in enumerate(SOURCES))} |
| `twist_deg_per_nm`, `rotation_deg` | of the fibril along and about its axis |
| `energy_kt` | energy of the modes, or of the frame over its run's mean |

`{name}.shards/checksums.json` has size and SHA-256 of each shard.

## How it was made

One glucose is one bead of an elastic network, cut-off 11 Å, springs of {parameters.spring:g} kT/Å² between sheets,
{parameters.sheet_ratio:g} times that within a sheet and {parameters.chain_ratio:g} times along a chain; 60 softest modes at thermal
equilibrium move each glucose as a rigid body, and each moves by {parameters.glucose_rms:g} Å by itself. Mean twist
{parameters.twist_2x2_deg_per_nm:g} / f and standard deviation {parameters.twist_sd_2x2_deg_per_nm:g} / sqrt(f n/4) degrees/nm for n chains,
f = (n + m) / (4 + m), m = {parameters.own_stiffness_chains:g}. Every atom is displaced by the U of the crystal structure,
{parameters.disorder:g} times as far in chains at the surface, which lie {parameters.swelling:g} Å further out. Source of these
numbers: {parameters.source}.

Of ten draws eight train, one validates, one tests.

## Licence

{_LICENCE}

## Known limits

{_LIMITS}
"""
