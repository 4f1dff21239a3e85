"""Pairs of shapes and patterns, as arrays or by torch: of a data set file, or of the sample in memory."""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

from argand.errors import ConfigError, InputError
from argand.io.dataset import StoredSamples
from argand.page.notebook import html_card
from argand.runs.answers import dataframe
from argand.system import from_config
from argand.systems.molmnist.benchmark.contact_sheet import contact_sheet
from argand.systems.molmnist.benchmark.integrity import check_files, verify
from argand.systems.molmnist.fibril.bundle import OUTLINES
from argand.systems.molmnist.fibril.fibril import FIBRILS
from argand.systems.molmnist.system import SOURCES, SPLITS, Molmnist

if TYPE_CHECKING:
    from pandas import DataFrame

_SHOWN = 6
"""Pairs that a notebook shows of a data set. By hand: they fit side by side."""


class Pair(dict[str, torch.Tensor]):
    """One pair, tensors by name; a predictor takes it as it is.

    `system` is the configuration that says how its pattern was measured, `file` the data set and `index` the
    number of the pair in it, counted over all splits.
    """

    def __init__(
        self, tensors: dict[str, torch.Tensor], system: Molmnist, file: str = "", index: int = 0
    ) -> None:
        super().__init__(tensors)
        self.system, self.file, self.index = system, file, index


class Pairs(Dataset):
    """Pairs of one split: `pairs[i]` is a dict of tensors (`Pair`), `pairs.arrays(name)` all of one kind.

    `pattern` and `shape` are float32 [1, slow, fast]; `twist_deg_per_nm` and the rest are numbers. Sets whose
    patterns have a mask each, such as `hard`, have `live` (bool [1, slow, fast]) as well. ConfigError for an
    unknown split.
    """

    def __init__(self, source: Any, split: str | None, system: Molmnist) -> None:
        if split not in (None, *SPLITS):
            raise ConfigError(f"unknown split '{split}'; choose from {', '.join(SPLITS)}")
        self.source, self.system, self.split = source, system, split
        chosen = source.column("split")
        self.rows = np.arange(len(chosen)) if split is None else np.flatnonzero(chosen == SPLITS.index(split))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Pair:
        row = int(self.rows[index])
        sample = self.source[row]
        found = {name: torch.from_numpy(np.array(value)) for name, value in sample.items()}
        for name in ("pattern", "shape"):
            found[name] = torch.from_numpy(np.asarray(sample[name], np.float32))[None]
        if "live" in found:
            found["live"] = found["live"][None]
        return Pair(found, self.system, self.source.name, row)

    @property
    def names(self) -> tuple[str, ...]:
        """The kinds of arrays."""
        return self.source.names

    def arrays(self, name: str) -> np.ndarray:
        """All values of one kind, one row a pair; ConfigError for a kind that is not there."""
        return self.source.column(name)[self.rows]

    @property
    def mask(self) -> np.ndarray:
        """Pixels of the patterns that are measured: bool [slow, fast], the same for all of them.

        Where each has its own, bool [pair, slow, fast].
        """
        return self.arrays("live") if "live" in self.names else self.system.imaging.live

    @cached_property
    def splits(self) -> dict[str, int]:
        """Number of pairs of each split of the whole data set."""
        split = self.source.column("split")
        return {name: int((split == number).sum()) for number, name in enumerate(SPLITS)}

    def to_dataframe(self) -> "DataFrame":
        """A pandas DataFrame of the parameters, one row a pair; kinds and splits by name, units in the names.

        Raises MissingExtraError without pandas.
        """
        columns = {name: self.arrays(name) for name in self._scalars}
        classes = {"fibril": FIBRILS, "outline": OUTLINES, "source": SOURCES, "split": SPLITS}
        classes["kind"] = self.system.kinds
        for name in classes.keys() & columns.keys():
            columns[name] = np.array(classes[name])[columns[name].astype(int)]
        rows = zip(*(values.tolist() for values in columns.values()), strict=True)
        return dataframe([dict(zip(columns, row, strict=True)) for row in rows])

    @property
    def _scalars(self) -> list[str]:
        """Names of the arrays with one number a pair."""
        first = self.source[0]
        return [name for name in self.names if first[name].ndim == 0]

    @property
    def _facts(self) -> dict[str, str]:
        """What the set holds and how it was measured, in words."""
        imaging, detector = self.system.imaging, self.system.detector
        window = imaging.window
        held = self.system.kinds if self.system.bundles is None else ("bundles of any outline",)
        photons = detector.photons if detector else imaging.photons
        noise = "no noise" if photons is None else f"{photons:g} photons"
        if isinstance(photons, tuple):
            noise = f"{photons[0]:g} to {photons[1]:g} photons"
        return {
            "pairs": f"{len(self)}" + ("" if self.split is None else f", split {self.split}"),
            "splits": ", ".join(f"{name} {count}" for name, count in self.splits.items()),
            "objects": ", ".join(held),
            "window": f"{window.side:g} Å, {window.size} x {window.size} pixels",
            "measured": f"{imaging.radiation}, {imaging.projection}, {noise}",
            "arrays": ", ".join(self.names),
        }

    def __repr__(self) -> str:
        split = "all splits" if self.split is None else f"split {self.split}"
        size = f"{self.system.imaging.window.size}²"
        return f"<Pairs of molmnist: {self.source.name}, {split}, {len(self)} pairs of {size} pixels>"

    def _repr_html_(self) -> str:
        chosen = np.linspace(0, len(self) - 1, min(_SHOWN, len(self))).astype(int) if len(self) else []
        picture = (
            contact_sheet([self[int(one)] for one in chosen], self.system.imaging.live)
            if len(chosen)
            else None
        )
        return html_card(repr(self)[1:-1], self._facts, picture)


class StoredPairs:
    """A data set file, opened anew in each process that reads it; its bytes are verified on first use."""

    def __init__(self, path: Path) -> None:
        verify(path)
        self._begin(Path(path))

    def _begin(self, path: Path) -> None:
        self.path, self._open, self._process = path, StoredSamples(path), os.getpid()

    @property
    def stored(self) -> StoredSamples:
        """The samples, through a file of this process's own."""
        if self._process != os.getpid():
            self._begin(self.path)
        return self._open

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Whoever sent it has verified it.
        check_files(state["path"])
        self._begin(state["path"])

    def __getitem__(self, row: int) -> dict[str, np.ndarray]:
        return self.stored[row]

    @property
    def name(self) -> str:
        """The file."""
        return str(self.path)

    @property
    def names(self) -> tuple[str, ...]:
        """The arrays that there are."""
        return tuple(self.stored.file)

    def column(self, name: str) -> np.ndarray:
        """One array of all samples; ConfigError for a name that is not there."""
        if name not in self.names:
            raise ConfigError(f"{self.path} has no '{name}'; there are {', '.join(self.names)}")
        return np.asarray(self.stored.file[name])


def open_pairs(path: Path | str, split: str | None = None) -> Pairs:
    """A data set that `simulate` wrote, and any of its splits (`train`, `val`, `test`; None: all).

    Its bytes are verified when they are first used, and again after they have been touched. InputError where
    it is incomplete, damaged, or of another system.
    """
    path = Path(path)
    stored = StoredPairs(path)
    provenance = stored.stored.provenance
    if provenance.get("system") != "molmnist":
        raise InputError(f"{path}: a data set of '{provenance.get('system')}', not of molmnist")
    return Pairs(stored, split, from_config(Molmnist, provenance["config"]))
