"""What a record of an answer says, in the words of tables and captions."""

from collections.abc import Mapping
from typing import Any

Told = Mapping[str, Any]


def title_of(record: Told) -> str:
    """What was found, in a few words: a fibril by name, or so many chains."""
    chains = record.get("chains")
    if chains is None:
        return record["fibril"] or "object"
    spread = record["chains_sd"]
    number = f"{chains:.0f} chains" if spread < 0.5 else f"{chains:.0f} ± {spread:.0f} chains"
    return number if record["fibril"] is None else f"{record['fibril']}, {number}"


def found_text(record: Told) -> str:
    """The fibril with its probability, or the chains with their outline."""
    if record.get("chains") is None:
        return "" if record["fibril"] is None else f"{record['fibril']} ({record['probability']:.2f})"
    number = f"{record['chains']:.1f} ± {record['chains_sd']:.1f} chains"
    return f"{number}, {record['fibril'] or record['outline']}"


def turn_text(record: Told) -> str:
    """The end-to-end twist in degrees; empty where the network does not predict it."""
    turn = record.get("turn_deg")
    return "" if turn is None else f"{turn:.0f} ± {record['turn_sd_deg']:.0f}"


def twist_text(record: Told) -> str:
    """|Twist| and its standard deviation in degrees/nm; empty where it is unknown."""
    if record["twist_deg_per_nm"] is None:
        return ""
    return f"{record['twist_deg_per_nm']:.2f} ± {record['twist_sd_deg_per_nm']:.2f}"
