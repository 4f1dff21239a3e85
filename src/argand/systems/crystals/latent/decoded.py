"""A structure read from a vector: how well it explains the vector, and whether to trust it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from argand.physics.crystal.canonical import Setting
from argand.physics.crystal.picture import facts_html
from argand.physics.crystal.structure import Structure
from argand.runs.record import SCHEMA_VERSION, to_record

TRUSTED = 0.8
"""Least confidence of a structure that is trusted. Of structures of MP-20 (up to 20 atoms) decoded from their
vectors with noise of 0 to 30 %, all 520 vectors of `best` and all 654 of `symmetric` above this limit gave
every atom and element right; between 0.7 and it 118 of 118 and 71 of 74 did, below 0.3 35 of 76 and none of
23."""
_LOOSE = 0.25
"""Å; an atom whose position is so uncertain counts half. By hand, half of the 0.5 Å within which an atom
counts as found; so the confidence is not a calibrated probability."""


@dataclass(frozen=True)
class Decoded:
    """A structure read from a vector, and how far it explains the vector.

    `misfit` is the root mean square of what the structure leaves unexplained of the coefficients of positions
    and of species, relative to atoms at random; `probability` that of each atom's species, and `spread` the
    standard deviation of its position in Å, by how well the coefficients determine them. `comes_back` says
    whether it is the structure that was encoded, to 0.02 Å; None where only the vector is known.
    """

    structure: Structure
    misfit: float
    probability: Float[np.ndarray, " atom"]
    spread: Float[np.ndarray, " atom"]
    comes_back: bool | None = None

    @property
    def confidence(self) -> float:
        """1 where all is explained and every atom is sure, towards 0 where nothing is.

        (1 - misfit) times the mean of p / (1 + (s / 0.25 Å)²) over the atoms; not calibrated as a
        probability.
        """
        placed = 1.0 / (1.0 + (self.spread / _LOOSE) ** 2)
        return max(0.0, 1.0 - self.misfit) * float((placed * self.probability).mean())

    @property
    def trusted(self) -> bool:
        """Whether the structure explains its vector: confidence of 0.8 or more, and not another structure.

        It is about the reading of the vector. A crystal that is read well need not be stable, nor valid.
        """
        return self.confidence >= TRUSTED and self.comes_back is not False

    @property
    def reason(self) -> str:
        """Why it is trusted, or why not."""
        limit = f"confidence {self.confidence:.2f} (limit {TRUSTED:.2f}), misfit {self.misfit:.2g}"
        if self.confidence < TRUSTED:
            return f"{limit}: the structure does not explain its vector"
        if self.comes_back is None:
            return f"{limit}: the structure explains its vector"
        if self.comes_back:
            return f"{limit}: the vector gives back the structure that was encoded"
        return f"{limit}: the vector gives back another structure than the one that was encoded"

    def restored(self, setting: Setting) -> "Decoded":
        """The same in the setting in which the crystal was given."""
        structure = setting.restored(self.structure)
        copies = len(structure) // len(self.structure)
        probability, spread = np.tile(self.probability, copies), np.tile(self.spread, copies)
        return replace(self, structure=structure, probability=probability, spread=spread)

    @property
    def figures(self) -> dict[str, Any]:
        """What is said of the structure beside itself; probabilities are in the order of its CIF's atoms."""
        return {
            "schema_version": SCHEMA_VERSION,
            "formula": self.structure.formula,
            "atoms": len(self.structure),
            "trusted": self.trusted,
            "reason": self.reason,
            "confidence": self.confidence,
            "misfit": self.misfit,
            "least_species_probability": float(self.probability.min()),
            "largest_place_error": float(self.spread.max()),
        }

    def to_dict(self) -> dict[str, Any]:
        """Figures, and the structure with probability and uncertainty (Å) of each atom, in plain values."""
        atoms = {"species_probability": self.probability.tolist(), "place_error": self.spread.tolist()}
        return to_record({**self.figures, **self.structure.to_dict(), **atoms})

    def to_dataframe(self) -> Any:
        """A pandas DataFrame with a row for each atom: symbol, coordinates, probability, uncertainty in Å."""
        about = {"species_probability": self.probability, "place_error": self.spread}
        return self.structure.to_dataframe().assign(**about)

    def to_cif(self, name: str = "", tags: Mapping[str, str] | None = None) -> str:
        """The text of a CIF of the structure, with confidence and misfit; `tags` are further items."""
        own = {"_argand_confidence": f"{self.confidence:.4f}", "_argand_misfit": f"{self.misfit:.3g}"}
        return self.structure.to_cif(name, {**own, **(tags or {})})

    def to_ase(self) -> Any:
        """The structure as an `ase.Atoms`."""
        return self.structure.to_ase()

    def to_pymatgen(self) -> Any:
        """The structure as a `pymatgen.core.Structure`."""
        return self.structure.to_pymatgen()

    def __repr__(self) -> str:
        told = f"confidence {self.confidence:.4f}, misfit {self.misfit:.2g}"
        return f"<Decoded {self.structure!r}, {told}, {'trusted' if self.trusted else 'best guess'}>"

    def _repr_html_(self) -> str:
        sure = [("confidence", f"{self.confidence:.4f}"), ("misfit", f"{self.misfit:.2g}")]
        sure.append(("trusted" if self.trusted else "best guess", self.reason))
        return facts_html([*self.structure.facts, *sure], self.structure.picture, is_sure=self.trusted)
