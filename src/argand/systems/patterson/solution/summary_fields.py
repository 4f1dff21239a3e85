"""What the summary of a solved crystal must have for its page."""

from collections.abc import Mapping
from typing import Any

from argand.runs.fields import (
    COUNT,
    FIGURE,
    FLAG,
    NUMBER,
    PLAIN,
    TEXT,
    Fields,
    Kind,
    either,
    listed,
    maybe,
    named,
    record_of,
)

FIELDS: Fields = {
    **dict.fromkeys(("reason", "spacegroup", "path"), TEXT),
    **dict.fromkeys(("outlook", "hand", "formula"), maybe(TEXT)),
    **dict.fromkeys(("attempts", "n_atoms", "reflections"), COUNT),
    **dict.fromkeys(("seconds", "r1", "r1_all", "expected_atoms", "completeness", "d_min"), FIGURE),
    **dict.fromkeys(("expected_hydrogens", "r_meas", "cc_half", "units", "volume"), maybe(FIGURE)),
    "trusted": FLAG,
    "notes": listed(TEXT),
    "files": record_of(dict.fromkeys(("patterson_peaks", "patterson", "density", "cif"), TEXT)),
    "asked": record_of({"cell": listed(NUMBER, 6), "formula": maybe(TEXT)}),
    "log": listed(listed(FIGURE, 3)),
    "hydrogens": maybe(COUNT),
    "spacegroup_found": maybe(FLAG),
    "spacegroup_number": maybe(COUNT),
}
PEAKS = listed(
    record_of({"frac": listed(FIGURE, 3), "length": FIGURE, "height": FIGURE, "harker": listed(TEXT)})
)
"""Of the highest peaks of a Patterson map."""
_ASKED = named(maybe(either(PLAIN, listed(PLAIN))))
_GROUP: Fields = {
    "spacegroup": TEXT,
    "other_hand": maybe(TEXT),
    **dict.fromkeys(("consistency", "weakest", "absent", "absent_strength"), maybe(FIGURE)),
    **dict.fromkeys(("other_strength", "r_int", "r1"), maybe(FIGURE)),
    **dict.fromkeys(("trusted", "chosen"), FLAG),
}


def fields_of(summary: Mapping[str, Any]) -> Fields:
    """Kinds of a summary's values: some must be there where others are."""
    fields = dict(FIELDS)
    fields["files"] = Kind(
        "an object of names", lambda value: FIELDS["files"].holds(value) and named(TEXT).holds(value)
    )
    fields["asked"] = Kind("the settings", lambda value: FIELDS["asked"].holds(value) and _ASKED.holds(value))
    if summary.get("hydrogens") is not None:
        fields["r1_with_hydrogens"] = FIGURE
    if summary.get("spacegroup_found"):
        fields |= {"laue": TEXT, "centring": TEXT, "e_squared_minus_one": FIGURE}
        fields["space_groups"] = listed(record_of(_GROUP))
    return fields
