"""The card of a set of molecules of one's own: what it holds, how it was made, and what it cannot tell."""

# ruff: noqa: E501 (rows of its tables)

from argand import __version__
from argand.physics.coherent.exposure import Detector
from argand.systems.molmnist.simulate import Imaging
from argand.systems.molmnist.structures.source import SPLIT_MODELS, StructureFile, Structures

_LIMITS = """- Molecules stand alone: no water, no support, no second molecule. What their files lack (hydrogens, disordered parts) the
  shapes lack too.
- Every atom stands still at full occupancy: B factors are not used. Models of a file are laid on the first one.
- Frames of a trajectory are alike where they are near in time; so each split has a part of the run of its own, and frames on
  either side of a border are neighbours.
- Splits of a molecule of fewer than ten models differ in orientation alone: a score on the test split then tells how well
  unseen orientations of a known molecule are found, and nothing of molecules that training has not seen."""


def structures_card(
    name: str, structures: Structures, imaging: Imaging, detector: Detector | None, count: int, seed: int
) -> str:
    """The card as Markdown."""
    window = imaging.window
    size, side = window.size, window.side
    wave = "flat Ewald sphere" if imaging.wavelength is None else f"wavelength {imaging.wavelength:g} Å"
    rows = "\n".join(_row(number, file) for number, file in enumerate(structures.files))
    return f"""# Data set `{name}`

{count} pairs of {len(structures.files)} molecules in turn, seen {_seen(structures, imaging)}; seed {seed}, argand {__version__}.

| class | molecule | file | SHA-256 | models (train, val, test) | atoms | width, Å | left out |
|---|---|---|---|---|---|---|---|
{rows}

| array | what it is |
|---|---|
| `shape` | electrons per pixel, uint16, {size} x {size} pixels of {window.pixel:g} Å ({side:g} Å) |
| `pattern` | intensity, float32, q = 0 in pixel [{size // 2}, {size // 2}], steps of 2π/{side:g} 1/Å: {imaging.projection}, {wave}, {imaging.radiation}; {_measured(imaging, detector)} |
| `kind`, `variant` | class; number of the model, from 0 |
| `split` | 0 train, 1 val, 2 test |
| `rotation_deg` | {_rotation(structures)} |
| `orientation` | quaternion (x, y, z, w) that turns the molecule from its file's frame to the laboratory, beam along +z |
{_exposure(detector)}
## Splits

Of ten draws of a molecule eight train, one validates, one tests, each from random numbers of its own. Of {SPLIT_MODELS} models or more,
the first 80 % train, the next 10 % validate and the last 10 % test; fewer are in every split, which then differ in orientation alone.

## Known limits

{_LIMITS}
"""


def _row(number: int, file: StructureFile) -> str:
    atoms = " ".join(f"{element}{count}" for element, count in file.composition)
    parts = ", ".join(str(len(part)) for part in file.parts)
    left = "; ".join(file.left_out) or "nothing"
    digest = f"`{file.sha256[:16]}`"
    return f"| {number} | {file.name} | `{file.path}` | {digest} | {file.models} ({parts}) | {atoms} | {2 * file.radius:.1f} | {left} |"


def _seen(structures: Structures, imaging: Imaging) -> str:
    if structures.direction is None:
        return "from all sides with equal chances"
    x, y, z = structures.direction
    turned = ", each turned at random about the beam" if imaging.rotate else ", all aligned"
    return f"along ({x:.3g}, {y:.3g}, {z:.3g}){turned}"


def _rotation(structures: Structures) -> str:
    if structures.direction is None:
        return "direction of the shape's longer principal axis, 0 to 180, from fast towards slow"
    return "of the molecule about the beam"


def _measured(imaging: Imaging, detector: Detector | None) -> str:
    if detector is not None:
        return "photons counted, 0 where nothing is measured"
    noise = "no noise" if imaging.photons is None else f"{imaging.photons:g} photons expected (Poisson)"
    scale = "divided by I(0), which is masked" if imaging.normalise else "in electrons²"
    return f"{noise}, beam stop to {imaging.beam_stop:g} 1/Å, point spread {imaging.blur_px:g} px; {scale}"


def _exposure(detector: Detector | None) -> str:
    if detector is None:
        return ""
    return """| `live` | pixels of the pattern that are measured, bool: each pattern has its own beam stop and gaps |
| `photons`, `background` | expected on all measured pixels, and the share of them that is background |
| `blur_px` | standard deviation of the point spread in pixels |
"""
