"""What the page says of itself: title, lead, and the words that it uses."""

from collections.abc import Mapping
from pathlib import Path

from argand.systems.crystals.latent.decoded import TRUSTED
from argand.systems.crystals.page.run import Kind, Run

_UNITS = "Lengths are in Å, angles in degrees, positions in fractions of the cell's edges."
_LEADS: dict[Kind, str] = {
    "rebuilt": "Each structure was encoded as a vector and decoded from that vector alone: the input stands "
    "beside what came back.",
    "decoded": "Each structure was decoded from a vector alone; where the vector was made from a file that "
    "is still there, that is named.",
    "altered": "A structure with other elements, another cell, or noise on its vector, beside that given.",
    "path": "The vectors between those of two structures, at equal steps along the straight line, were "
    "decoded; both ends are the structures as given.",
    "samples": "New structures, composed at random and decoded from vectors. That one is trusted says that "
    "it explains its vector; whether its distances are valid and how far it is above the hull stand beside.",
}
_COMMON = {
    "latent vector": "The numbers as which a structure is encoded: Fourier coefficients of positions and "
    "elements, and the cell. It alone is decoded.",
    "confidence": "From 0 to 1: how much of the vector the structure explains, and how surely each atom is "
    "placed and named. It is not calibrated as a probability.",
    "misfit": "What the structure leaves unexplained of its vector: from 0 to about 1, for atoms at random.",
    "trusted": f"A confidence of {TRUSTED:g} or more, and no sign that it is another structure than the one "
    "that was encoded. All others are best guesses and are grey. It is about reading the vector; a crystal "
    "that is read well need not be stable.",
    "space group": "Of the structure shown, found by spglib within 0.1 Å.",
}
_OF_KIND: dict[Kind, Mapping[str, str]] = {
    "rebuilt": {
        "displacement": "Distance of a decoded atom from the atom of the input that it stands for, whatever "
        "their elements; pairs have the smallest sum of distances.",
        "probability of the element": "How surely the vector determines the element of an atom.",
    },
    "decoded": {"probability of the element": "How surely the vector determines the element of an atom."},
    "altered": {
        "displacement": "Distance of an atom from its place as given, in fractions of the cell: a strain "
        "alone moves none.",
        "distances": "Valid where no two atoms are nearer than 0.7 of the sum of their covalent radii.",
    },
    "path": {
        "interpolation": "Steps along the straight line between two vectors. A vector in the middle belongs "
        "to neither crystal, so that steps there are often best guesses.",
        "distances": "Valid where no two atoms are nearer than 0.7 of the sum of their covalent radii.",
    },
    "samples": {
        "distances": "Valid where no two atoms are nearer than 0.7 of the sum of their covalent radii.",
        "plausibility": "Mean probability that a network gives the elements on their sites.",
        "above the hull": "Energy in eV for an atom, by CHGNet after relaxation, above the convex hull of "
        "known phases; with --relax alone.",
        "known as": "A known structure that is the same crystal.",
        "most similar known": "The known structure whose fingerprint is nearest.",
        "framework": "Sites and symmetry without the elements; new where no known structure has them.",
    },
}
_FINGERPRINT = {
    "fingerprint": "53 numbers of elements, density and mean |F|² in shells, which do not depend on the "
    "choice of the cell. On the map they are reduced to the two principal components of their ranks."
}


def title(run: Run) -> str:
    """What the page is of."""
    if run.kind == "path":
        ends = [Path(run.summary.get(key) or "").stem for key in ("first", "second")]
        return f"From {ends[0]} to {ends[1]}, {len(run.items)} steps"
    count = f"{run.count} structure{'s' * (run.count != 1)}"
    if run.kind == "altered":
        return f"{count} altered from {Path(run.summary['source']).stem}"
    return f"{count} {'generated' if run.kind == 'samples' else 'decoded from vectors'}"


def lead(run: Run) -> str:
    """What the page shows, in plain text."""
    more = ""
    if len(run.items) < run.count:
        more = f" Of {run.count} structures the {len(run.items)} of least confidence are shown."
    return f"{_LEADS[run.kind]} {_UNITS}{more}"


def words(run: Run, has_map: bool) -> dict[str, str]:
    """The words of the page, explained."""
    return {**_COMMON, **_OF_KIND[run.kind], **(_FINGERPRINT if has_map else {})}
