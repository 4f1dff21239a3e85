"""What the record of an answer must have where a run is shown again."""

from argand.runs.fields import (
    COUNT,
    FLAG,
    NUMBER,
    POSITIVE,
    TEXT,
    Fields,
    Kind,
    listed,
    maybe,
    named,
    record_of,
)
from argand.runs.record import Record

MOST_CHAINS = 1000
"""Of an object that is drawn. By hand: the largest bundles have some 100."""
_SITES = listed(listed(NUMBER, 2))
_TRUTH: Fields = {
    "rotation_deg": NUMBER,
    **dict.fromkeys(("fibril", "outline"), maybe(TEXT)),
    **dict.fromkeys(("twist_deg_per_nm", "chains", "turn_deg", "correlation"), maybe(NUMBER)),
}
FIELDS: Fields = {
    **dict.fromkeys(("file", "name", "reason", "hdf5"), TEXT),
    **dict.fromkeys(("window_from", "fibril", "cxi", "outline"), maybe(TEXT)),
    **dict.fromkeys(("rotation_deg", "residual", "expected_residual"), NUMBER),
    **dict.fromkeys(("probability", "twist_deg_per_nm", "chains", "turn_deg"), maybe(NUMBER)),
    "index": COUNT,
    "trusted": FLAG,
    "notes": listed(TEXT),
    "probabilities": named(NUMBER),
    "window_side_angstrom": POSITIVE,
    "truth": maybe(record_of(_TRUTH)),
    "sites": maybe(Kind("a list of sites", lambda value: _SITES.holds(value) and len(value) <= MOST_CHAINS)),
}
_FAILED: Fields = {"file": TEXT, "reason": TEXT, "trusted": FLAG}
_BESIDE = {"twist_deg_per_nm": "twist_sd_deg_per_nm", "chains": "chains_sd", "turn_deg": "turn_sd_deg"}
"""Numbers and the standard deviations that stand beside them."""


def fields_of(record: Record) -> Fields:
    """What a record must have: an answer, or the reason why there is none."""
    if record.get("failed"):
        return _FAILED
    told = {key: record.get(key) is not None for key in (*_BESIDE, "fibril")}
    more = {sd: NUMBER for key, sd in _BESIDE.items() if told[key]}
    if told["chains"]:
        more["outline"] = maybe(TEXT) if told["fibril"] else TEXT
    elif told["fibril"]:
        more["probability"] = NUMBER
    return FIELDS | more
