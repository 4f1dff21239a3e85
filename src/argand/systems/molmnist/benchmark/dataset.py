"""The benchmark's data sets: made on first use, checked, split, and read as arrays or by torch."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch.utils.data import Dataset

from argand import __version__
from argand.errors import ConfigError, InputError
from argand.io.atomic import write_lines
from argand.io.cache import cache_folder
from argand.io.dataset import StoredSamples
from argand.learn.simulate import simulate_to_file
from argand.system import from_config, preset, to_config
from argand.systems.molmnist.benchmark.dataset_card import write_card
from argand.systems.molmnist.benchmark.sample import read_sample
from argand.systems.molmnist.presets import PRESETS
from argand.systems.molmnist.system import SPLITS, Molmnist

PAIRS = 20_000
"""2,000 variants of each of ten fibrils, as published (Zhang et al., arXiv 1911.07644)."""
SEED = 0
"""Of the sets by name; any would do, but it must stay."""
SETS = ("standard", "hard", "published")
SUMS = "checksums.json"
SELFTEST_R = 0.01
"""Largest amplitude R against a sum over atoms: the goal of benchmarks/molmnist_forward.py, which measures
0.0029 at most over the ten fibrils."""


class Pairs(Dataset):
    """Pairs of one split: `pairs[i]` is a dict of tensors, `pairs.arrays(name)` holds all of one kind.

    `pattern` and `shape` are float32 [1, slow, fast]; `fibril`, `twist_deg_per_nm` and the rest are
    numbers. `mask` says which pixels of the patterns are measured. ConfigError for an unknown split.
    """

    def __init__(self, source: Any, split: str | None, system: Molmnist) -> None:
        if split not in (None, *SPLITS):
            raise ConfigError(f"no split is called '{split}'; there are {', '.join(SPLITS)}")
        self.source, self.system, self.split = source, system, split
        chosen = source.column("split")
        self.rows = np.arange(len(chosen)) if split is None else np.flatnonzero(chosen == SPLITS.index(split))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        sample = self.source[int(self.rows[index])]
        found = {name: torch.from_numpy(np.array(value)) for name, value in sample.items()}
        for name in ("pattern", "shape"):
            found[name] = torch.from_numpy(np.asarray(sample[name], np.float32))[None]
        return found

    def arrays(self, name: str) -> np.ndarray:
        """All values of one kind, one row a pair; ConfigError for a kind that is not there."""
        return self.source.column(name)[self.rows]

    @property
    def mask(self) -> np.ndarray:
        """Pixels of the patterns that are measured (bool [slow, fast])."""
        return self.system.imaging.live


class StoredPairs:
    """A data set file, opened anew in each process that reads it."""

    def __init__(self, path: Path) -> None:
        check_files(path)
        self.path, self._open, self._process = Path(path), StoredSamples(path), os.getpid()

    @property
    def stored(self) -> StoredSamples:
        """The samples, through a file of this process's own."""
        if self._process != os.getpid():
            self._open, self._process = StoredSamples(self.path), os.getpid()
        return self._open

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])

    def __getitem__(self, row: int) -> dict[str, np.ndarray]:
        return self.stored[row]

    def column(self, name: str) -> np.ndarray:
        """One array of all samples; ConfigError for a name that is not there."""
        if name not in self.stored.file:
            raise ConfigError(f"{self.path} has no '{name}'; there are {', '.join(self.stored.file)}")
        return np.asarray(self.stored.file[name])


def open_pairs(path: Path, split: str | None = None) -> Pairs:
    """A data set that `simulate` wrote; InputError where it is incomplete or of another system."""
    stored = StoredPairs(path)
    provenance = stored.stored.provenance
    if provenance.get("system") != "molmnist":
        raise InputError(f"{path}: a data set of '{provenance.get('system')}', not of molmnist")
    return Pairs(stored, split, from_config(Molmnist, provenance["config"]))


def load(
    name: str,
    split: str | None = None,
    *,
    count: int = PAIRS,
    folder: Path | None = None,
    quiet: bool = False,
) -> Pairs:
    """A split of a data set by name: `standard`, `published`, or the `sample` that is shipped.

    The first two are made on first use, in `folder` or argand's cache, which takes minutes. ConfigError for
    an unknown name or split, InputError for a damaged file.
    """
    if name == "sample":
        return Pairs(read_sample(), split, PRESETS["standard"])
    system = preset(name, {key: PRESETS[key] for key in SETS})
    home = Path(folder) if folder else cache_folder("molmnist")
    path = home / f"{name}-{count}-{_fingerprint(system)}.h5"
    if not path.exists():
        write_pairs(system, path, count, SEED, quiet=quiet)
    return open_pairs(path, split)


def _fingerprint(system: Molmnist) -> str:
    """A word that changes with the configuration, the parameters of the ensemble and the version."""
    from argand.systems.molmnist.ensemble.elastic_ensemble import PARAMETERS

    told = json.dumps(to_config(system), sort_keys=True) + PARAMETERS.read_text() + __version__
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def write_pairs(
    system: Molmnist,
    out: Path,
    count: int,
    seed: int,
    *,
    processes: int | None = None,
    quiet: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> Path:
    """Simulate a data set with its checksums and card; the same call completes one that was stopped.

    Gives `out`; shards and checksums are in the folder `out` with the ending `.shards`.
    """
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    if system.bundles is None and system.structures is None:
        tell("elastic networks of the fibrils")
    system.prepare()
    simulate_to_file(system, out, count, seed, processes=processes, compression="bitshuffle", quiet=quiet)
    _write_sums(out)
    write_card(out, system, count, seed)
    return out


def _write_sums(out: Path) -> None:
    """Size and SHA-256 of every shard, in its folder."""
    folder = out.with_suffix(".shards")
    sums = {
        path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)}
        for path in sorted(folder.glob("*.h5"))
    }
    write_lines(folder / SUMS, [json.dumps(sums, indent=1)])


def check_files(path: Path, thoroughly: bool = False) -> None:
    """InputError where a shard is missing or cut off; `thoroughly` also where its bytes have changed."""
    folder = Path(path).with_suffix(".shards")
    if not Path(path).is_file() or not (folder / SUMS).is_file():
        raise InputError(f"{path}: no complete data set there; argand molmnist simulate writes one")
    for name, known in json.loads((folder / SUMS).read_text()).items():
        shard = folder / name
        if not shard.is_file():
            raise InputError(f"{path}: its shard {shard} is missing; the same simulate makes it again")
        if shard.stat().st_size != known["bytes"] or (thoroughly and _sha256(shard) != known["sha256"]):
            raise InputError(f"{shard}: damaged; delete it, and the same simulate makes it again")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def summary(path: Path) -> dict[str, Any]:
    """What a data set holds, as plain values, after its bytes have been checked.

    InputError where they differ.
    """
    check_files(path, thoroughly=True)
    pairs = open_pairs(path)
    splits = {name: int((pairs.source.column("split") == number).sum()) for number, name in enumerate(SPLITS)}
    with h5py.File(path, "r") as file:
        arrays = {name: list(array.shape) for name, array in file.items()}  # pyright: ignore[reportAttributeAccessIssue]
    return {"file": str(path), "pairs": len(pairs), "splits": splits, "arrays": arrays, "intact": True}


def check_forward() -> str:
    """Simulate a pair and check its pattern against a sum over atoms; say how it went.

    RuntimeError where they differ by more than SELFTEST_R, InputError where the sample is damaged.
    """
    from argand.systems.molmnist.benchmark.forward_accuracy import amplitude_r

    residual = amplitude_r("2x2", 0, PRESETS["standard"].imaging.window, highest_q=1.7)
    if residual > SELFTEST_R:
        raise RuntimeError(f"amplitudes are off by R {residual:.4f} from a sum over atoms")
    shipped = len(load("sample"))
    return f"amplitude R {residual:.4f} against a sum over atoms, {shipped} pairs shipped"
