"""Latents for torch: a data set of vectors with their names, of a file or of structures in memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from argand.errors import InputError
from argand.page.notebook import html_card
from argand.systems.crystals.database.latents import StoredLatent, read_latents

_SHOWN = 5
"""Names that a notebook shows. By hand."""


class NamedLatent(NamedTuple):
    """A vector, float32 [size], and the name of its structure."""

    name: str
    latent: Tensor


class Padded(NamedTuple):
    """Vectors filled up with zeros, float32 [n, longest], and how many numbers are each one's own, [n]."""

    names: list[str]
    latents: Tensor
    sizes: Tensor


class LatentDataset(Dataset[NamedLatent]):
    """The vectors of a file that `argand crystals encode` wrote, in its order.

    `config` is that of the model that made them (`predict.model_of`). InputError for a file without latents.
    Vectors of one set differ in length; give `padded` to a DataLoader as its `collate_fn`, or take them
    length by length from `by_size`.
    """

    def __init__(self, path: Path | str) -> None:
        self._rows, self.config = read_latents(Path(path))

    @classmethod
    def of(cls, rows: Sequence[StoredLatent], config: dict[str, Any]) -> "LatentDataset":
        """The same of vectors in memory."""
        made = cls.__new__(cls)
        made._rows, made.config = list(rows), config
        return made

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: int) -> NamedLatent:
        """The vector of this number; IndexError beyond the last one."""
        row = self._rows[number]
        return NamedLatent(row.name, torch.from_numpy(row.latent.copy()))

    def __repr__(self) -> str:
        lengths = [len(row.latent) for row in self._rows]
        span = f", {min(lengths)} to {max(lengths)} numbers" if lengths else ""
        return f"<LatentDataset: {len(self)} vectors{span}>"

    def _repr_html_(self) -> str:
        lengths = [len(row.latent) for row in self._rows]
        span = f"{min(lengths)} to {max(lengths)}" if lengths else "none"
        first = ", ".join(row.name for row in self._rows[:_SHOWN])
        rows = {"vectors": str(len(self)), "numbers": span, "names": first}
        return html_card("Latent vectors of crystals", rows)

    @property
    def names(self) -> list[str]:
        """Names of all structures."""
        return [row.name for row in self._rows]

    def all_padded(self) -> Padded:
        """All vectors as one tensor; InputError where there are none."""
        return padded([self[number] for number in range(len(self))])

    def by_size(self) -> dict[int, Padded]:
        """All vectors, those of one length together, which need no filling up; shortest first."""
        groups: dict[int, list[NamedLatent]] = {}
        for number in range(len(self)):
            groups.setdefault(len(self[number].latent), []).append(self[number])
        return {size: padded(groups[size]) for size in sorted(groups)}


def padded(items: Sequence[NamedLatent]) -> Padded:
    """Vectors as one tensor, zeros behind shorter ones; InputError where there are none."""
    if not items:
        raise InputError("there are no latents to put together")
    latents = torch.nn.utils.rnn.pad_sequence([item.latent for item in items], batch_first=True)
    return Padded([item.name for item in items], latents, torch.tensor([len(item.latent) for item in items]))
