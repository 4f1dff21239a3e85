"""What the patterson system answers, and the best so far of several maps."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

FoundBy = Literal["network", "dual-space", "dual-space iteration of crystals", "none"]
"""The last but one: as measured crystals are solved, see `crystal_map`."""


@dataclass(frozen=True)
class Prediction:
    """Atoms of one map.

    Positions in voxels with integers at voxel edges, their mean at the box centre; a Patterson map tells
    neither their place nor their hand. `residual` is the relative misfit of amplitudes, that of a crystal R1;
    `path` is what found the atoms and `tries` the attempts made in all. `elements` are told of crystals
    alone, `verdict` says why the answer is believed or not.
    """

    positions_voxel: Float[np.ndarray, "atom 3"]
    solved: bool
    residual: float
    path: FoundBy
    tries: int
    elements: tuple[str, ...] = ()
    verdict: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "solved": self.solved,
            "path": self.path,
            "residual": self.residual,
            "tries": self.tries,
            "positions_voxel": np.round(self.positions_voxel, 4).tolist(),
            **({"elements": list(self.elements)} if self.elements else {}),
            "verdict": self.verdict,
        }


@dataclass
class Solutions:
    """The best structures so far of several maps, and whether each explains its map."""

    positions: Float[Tensor, "batch atom 3"]
    residual: Float[Tensor, " batch"]
    solved: Bool[Tensor, " batch"]
    tries: Int[Tensor, " batch"]
    path: list[FoundBy]

    @classmethod
    def none(cls, batch: int, atoms: int, device: torch.device | str = "cpu") -> "Solutions":
        """Nothing found yet."""
        residual = torch.full((batch,), torch.inf, device=device)
        tries = torch.zeros(batch, dtype=torch.long, device=device)
        places = torch.zeros(batch, atoms, 3, device=device)
        return cls(places, residual, torch.zeros_like(tries, dtype=torch.bool), tries, ["none"] * batch)

    @property
    def open(self) -> Int[Tensor, " some"]:
        """Numbers of the maps that are not solved yet."""
        return (~self.solved).nonzero()[:, 0]

    def take(
        self, rows: Tensor, positions: Tensor, residual: Tensor, believed: Tensor, path: FoundBy
    ) -> None:
        """Keep new structures of the maps `rows` where they are better, in place; each counts as a try.

        What is believed is better than what is not.
        """
        self.tries[rows] += 1
        better = (residual < self.residual[rows]) & (believed | ~self.solved[rows])
        better = better | (believed & ~self.solved[rows])
        kept = rows[better]
        self.positions[kept], self.residual[kept] = positions[better], residual[better]
        self.solved[kept] = believed[better]
        for row in kept.tolist():
            self.path[row] = path

    def answers(self) -> list[Prediction]:
        """One answer for each map."""
        places = self.positions.cpu().numpy()
        verdicts = zip(self.solved.tolist(), self.residual.tolist(), strict=True)
        rows = zip(places, verdicts, self.path, self.tries.tolist(), strict=True)
        return [
            Prediction(place, *verdict, path, tries, verdict=_in_words(*verdict))
            for place, verdict, path, tries in rows
        ]


def _in_words(solved: bool, residual: float) -> str:
    """Why an answer of equal atoms is believed, or not."""
    if solved:
        return f"residual {residual:.4f} is as small as the noise allows"
    return f"residual {residual:.4f}: no structure of so many equal atoms was found that the map bears out"
