"""The benchmark's data sets: made on first use, checked, split, and read as arrays or by torch."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from argand import __version__
from argand.crew import CORES, Machines
from argand.io.atomic import in_the_way, make_folder
from argand.io.cache import cache_folder
from argand.learn.simulate import simulate_to_file
from argand.runs.claim import claim_file
from argand.runs.record import SCHEMA_VERSION
from argand.system import preset, to_config
from argand.systems.molmnist.benchmark.dataset_card import is_card, write_card
from argand.systems.molmnist.benchmark.digest import published_digests, set_digest, stored_digests
from argand.systems.molmnist.benchmark.integrity import (
    begin_again,
    check_files,
    is_complete,
    shard_folder,
    write_sums,
)
from argand.systems.molmnist.benchmark.names import SETS
from argand.systems.molmnist.benchmark.pairs import Pairs, open_pairs
from argand.systems.molmnist.benchmark.sample import read_sample
from argand.systems.molmnist.presets import PRESETS
from argand.systems.molmnist.system import Molmnist

PAIRS = 20_000
"""2,000 variants of each of ten fibrils, as published (Zhang et al., arXiv 1911.07644)."""
SEED = 0
"""Of the sets by name; any would do, but it must stay."""
SELFTEST_R = 0.01
"""Largest amplitude R against a sum over atoms: the goal of benchmarks/molmnist_forward.py, which measures
0.0029 at most over the ten fibrils."""


def load(
    name: str,
    split: str | None = None,
    *,
    count: int = PAIRS,
    folder: Path | None = None,
    quiet: bool = False,
) -> Pairs:
    """A split of a data set by name: `standard`, `hard`, `published`, or the `sample` that is shipped.

    The first three are made on first use, in `folder` or argand's cache, which takes minutes. ConfigError for
    an unknown name or split, InputError for a damaged file.
    """
    if name == "sample":
        return Pairs(read_sample(), split, PRESETS["standard"])
    system = preset(name, {key: PRESETS[key] for key in SETS})
    home = Path(folder) if folder else cache_folder("molmnist")
    path = home / f"{name}-{count}-{_fingerprint(system)}.h5"
    if not is_complete(path):
        write_pairs(system, path, count, SEED, quiet=quiet)
    return open_pairs(path, split)


def _fingerprint(system: Molmnist) -> str:
    """A word that changes with the configuration, the parameters of the ensemble and the version."""
    from argand.systems.molmnist.ensemble.elastic_ensemble import PARAMETERS

    told = (
        json.dumps(to_config(system), sort_keys=True) + PARAMETERS.read_text(encoding="utf-8") + __version__
    )
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def write_pairs(
    system: Molmnist,
    out: Path,
    count: int,
    seed: int,
    *,
    machines: Machines = CORES,
    quiet: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> Path:
    """Simulate a data set with its checksums and card; the same call completes one that was stopped.

    Gives `out`; shards and checksums are in the folder `out` with the ending `.shards`. InputError where a
    shard that is there is damaged.
    """
    out = Path(out)
    make_folder(out.parent)
    begin_again(out)
    if system.bundles is None and system.structures is None:
        tell("elastic networks of the fibrils")
    system.prepare()
    simulate_to_file(system, out, count, seed, machines=machines, compression="bitshuffle", quiet=quiet)
    write_card(out, system, count, seed)
    write_sums(out)
    return out


def claim_set(out: Path, *, force: bool = False, resume: bool = False) -> None:
    """Make room for a data set, before any long work; see `runs.claim.claim_file`.

    Raises ConfigError where there is one, or part of one, without `force` or `resume`; OutputError where a
    file that argand has not written has the name of its card.
    """
    card = out.with_suffix(".md")
    if card.exists() and not is_card(card):
        raise in_the_way(card)
    claim_file(out, force=force, resume=resume, beside=(shard_folder(out), card))


def summary(path: Path) -> dict[str, Any]:
    """What a data set holds, as plain values, after the bytes of all its files have been checked.

    `sha256` is the digest of its pairs (see `argand.systems.molmnist.benchmark.digest`); `published` tells
    how it compares with the set by name that it is or begins as. InputError where bytes differ.
    """
    check_files(path, thoroughly=True)
    pairs = open_pairs(path)
    stored = pairs.source.stored
    digests = list(stored_digests(dict(stored.file.items()), len(stored)))
    return {
        "schema_version": SCHEMA_VERSION,
        "file": str(path),
        "pairs": len(pairs),
        "splits": pairs.splits,
        "arrays": {name: list(array.shape) for name, array in stored.file.items()},
        "intact": True,
        "sha256": set_digest(digests),
        "published": compared(pairs.system, stored.seed, digests),
    }


def compared(system: Molmnist, seed: int, digests: list[bytes]) -> dict[str, Any] | None:
    """How a set, by the digests of its pairs, compares with the one by name; None for one without a name.

    `set` is the name; `same` whether all pairs are the published ones, None for a part of them; of the
    `known` pairs whose own digests are on record `agreeing` are as they were.
    """
    named = (name for name in SETS if PRESETS[name] == system and name in published_digests())
    name = next(named, None)
    if name is None or published_digests()[name].seed != seed:
        return None
    known = published_digests()[name]
    agreeing, all_known = known.agreeing(digests)
    whole = known.sha256 is not None and len(digests) == known.pairs
    same = set_digest(digests) == known.sha256 if whole else None
    return {"set": name, "same": same, "agreeing": agreeing, "known": all_known}


def verdict(found: dict[str, Any] | None) -> str:
    """What `compared` found, as a line."""
    if found is None:
        return "a set of its own: no published SHA-256 to compare with"
    if found["same"]:
        return f"these are the {PAIRS} published pairs of {found['set']}"
    known = f"of {found['known']} pairs of {found['set']} whose SHA-256 is on record"
    first = f"{known} {found['agreeing']} are the same"
    if found["same"] is None and found["agreeing"] == found["known"]:
        return first
    return f"{first}: not the published bytes. Processors without AVX2 round patterns of standard otherwise"


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
