"""Whether a composition is one that chemists would write down: charges that sum to zero."""

import gemmi

from argand.errors import MissingExtraError
from argand.physics.crystal.structure import Structure
from argand.systems.crystals.database.fingerprint_index import formula_of

_MOST_KINDS = 8
"""Elements of a composition that is asked: more than any of the pool's small cells has, and smact would try
for hours."""


def is_composition_valid(structure: Structure) -> bool:
    """smact's test with its defaults: neutral in known oxidation states, electronegativities in order.

    Davies et al., J. Open Source Softw. 4, 1361 (2019). MissingExtraError without smact.
    """
    try:
        from smact.screening import smact_validity  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtraError("charges need smact: pip install -c constraints.txt smact") from error
    numbers, counts = formula_of(structure)
    if len(numbers) > _MOST_KINDS:
        return False
    text = "".join(f"{gemmi.Element(z).name}{count}" for z, count in zip(numbers, counts, strict=True))
    return bool(smact_validity(text))
