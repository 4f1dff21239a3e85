"""What the search for a space group ends with: the chosen crystal, and the table behind the choice."""

from dataclasses import asdict, dataclass
from typing import Any

from argand.physics.phasing.laue_class import LaueTest
from argand.physics.phasing.space_group import Ranked
from argand.systems.patterson.solution.group_model import GroupModel
from argand.systems.patterson.solution.reflections import CrystalData
from argand.systems.patterson.solution.structure_search import StructureSearch


@dataclass(frozen=True)
class GroupRow:
    """A space group of the Laue class and the evidence for it.

    `consistency` and `weakest` (of its operators) are 1 where phases without symmetry obey it exactly;
    `absent` reflections that it forbids were measured, of mean I/σ `absent_strength`; that of all others is
    `other_strength`; `r_int` is of the Laue class. `r1` is None where no model was made. `other_hand` is the
    enantiomorphic group, which intensities do not tell from it.
    """

    spacegroup: str
    other_hand: str | None
    consistency: float
    weakest: float
    absent: int
    absent_strength: float
    other_strength: float
    r_int: float | None
    r1: float | None
    trusted: bool
    chosen: bool


@dataclass(frozen=True)
class FoundGroup:
    """The chosen group's crystal and search, the table of groups, and what the Laue class was chosen by."""

    crystal: CrystalData
    search: StructureSearch
    rows: tuple[GroupRow, ...]
    statistics: float
    laue: str
    centring: str
    laue_tests: tuple[LaueTest, ...]
    attempts: int
    seconds: float
    interrupted: bool = False
    """Whether Ctrl-C ended the search."""

    def to_dict(self) -> dict[str, Any]:
        """Figures in plain values."""
        classes = [
            {
                "laue": test.laue.symbol,
                "r_int": None if test.r_int is None else round(test.r_int, 4),
                "sets": test.pairs,
                "agrees": test.agrees,
            }
            for test in self.laue_tests
        ]
        return {
            "laue": self.laue,
            "centring": self.centring,
            "e_squared_minus_one": round(self.statistics, 3),
            "space_groups": [_plain(row) for row in self.rows],
            "laue_classes": classes,
        }


def group_row(ranked: Ranked, model: GroupModel | None, r_int: float | None, chosen: bool) -> GroupRow:
    """The row of a group, with its model where one was made."""
    absences, candidate = ranked.absences, ranked.candidate
    return GroupRow(
        candidate.group.name,
        candidate.other_hand,
        ranked.consistency,
        ranked.weakest,
        absences.count,
        absences.strength,
        absences.others,
        r_int,
        None if model is None or model.search.best is None else model.search.best.r1,
        model is not None and model.trusted,
        chosen,
    )


def _plain(row: GroupRow) -> dict[str, Any]:
    """A row with few digits; `solved` is the key of version 0.1 for `trusted`."""
    plain = {
        name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(row).items()
    }
    return plain | {"solved": row.trusted}
