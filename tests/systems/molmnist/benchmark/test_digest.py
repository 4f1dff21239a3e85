"""Digests tell what pairs hold, not how they are stored; the sets by name are still what was published."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from argand.crew import HERE
from argand.systems.molmnist.benchmark.dataset import (
    PAIRS,
    SEED,
    SETS,
    compared,
    summary,
    verdict,
    write_pairs,
)
from argand.systems.molmnist.benchmark.digest import (
    PROBE_STEP,
    STEP,
    pair_digest,
    probe,
    published_digests,
    set_digest,
    short,
    stored_digests,
)
from argand.systems.molmnist.benchmark.pairs import open_pairs
from argand.systems.molmnist.presets import PRESETS

NOISE_FREE = ("standard",)
"""Sets whose last bits differ between kinds of processors: float32 patterns without photon noise."""


def test_the_digest_of_a_pair_is_the_one_that_is_described():
    sample = {"b": np.array(3, np.uint8), "a": np.arange(4, dtype=">f4").reshape(2, 2)}
    text = b"a <f4 [2, 2]\n" + np.arange(4, dtype="<f4").tobytes() + b"b |u1 [1]\n\x03"
    assert pair_digest(sample) == hashlib.sha256(text).digest()
    assert pair_digest(dict(reversed(sample.items()))) == pair_digest(sample)


@pytest.mark.parametrize("name", ["a", "b"])
def test_one_bit_changes_the_digest(name: str):
    sample = {"a": np.zeros((2, 3), np.float32), "b": np.array([False, True])}
    other = {key: value.copy() for key, value in sample.items()}
    other[name].view(np.uint8).flat[0] ^= 1
    assert pair_digest(other) != pair_digest(sample)
    assert pair_digest({**sample, "a": sample["a"].reshape(3, 2)}) != pair_digest(sample)


def test_a_stored_set_has_the_digest_of_its_pairs_whatever_its_shards(tmp_path: Path):
    path = write_pairs(PRESETS["tiny"], tmp_path / "set.h5", 12, 0, machines=HERE, quiet=True)
    made = [pair_digest(PRESETS["tiny"].simulate(index, 0)) for index in range(12)]
    assert summary(path)["sha256"] == set_digest(made)
    columns = dict(open_pairs(path).source.stored.file.items())
    assert list(stored_digests(columns, 12, batch=5)) == made


def test_the_published_digests_are_of_whole_sets():
    assert set(published_digests()) == set(SETS)
    for name, known in published_digests().items():
        assert (known.pairs, known.seed, known.step) == (PAIRS, SEED, STEP), name
        assert len(known.first) == -(-PAIRS // STEP)
        assert len(set(known.first)) == len(known.first)
        assert len(known.probes) == -(-PAIRS // PROBE_STEP)


def test_the_guide_prints_the_digests_of_the_sets_that_are_computed():
    guide = (Path(__file__).parents[4] / "docs/guides/molmnist.md").read_text(encoding="utf-8")
    for name, known in published_digests().items():
        assert known.sha256 is None or f"| `{name}` | `{known.sha256}` |" in guide, name
    assert published_digests()["hard"].sha256 is not None


def differences(name: str, indices: range) -> list[int]:
    """Pairs that differ by more than processors round."""
    known, wrong = published_digests()[name], []
    for index in indices:
        sample = PRESETS[name].simulate(index, SEED)
        rest, total, logs = probe(sample)
        told_rest, told_total, told_logs = known.probes[index // PROBE_STEP]
        same = rest == told_rest
        if name in NOISE_FREE:
            # Measured with AVX2 and FMA switched off: 7e-7 of the sum; a rounding is 2.5e-4 of a pixel.
            same &= abs(total / told_total - 1) < 5e-6 and abs(logs - told_logs) < 2e-5
        else:
            same &= (total, logs) == pytest.approx((told_total, told_logs), rel=1e-12)
        wrong += [] if same else [index]
    return wrong


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_pairs_spread_over_each_set_are_the_published_ones(name: str):
    assert differences(name, range(0, PAIRS, PROBE_STEP)) == []


@pytest.mark.parametrize("name", SETS)
def test_the_first_pairs_of_each_set_are_the_published_ones(name: str):
    assert differences(name, range(0, 2 * PROBE_STEP, PROBE_STEP)) == []


@pytest.mark.parametrize("name", ["hard", "published"])
def test_pairs_that_do_not_depend_on_the_processor_are_the_same_bit_for_bit(name: str):
    made = [short(pair_digest(PRESETS[name].simulate(index, SEED))) for index in (0, STEP)]
    assert tuple(made) == published_digests()[name].first[:2]


@pytest.mark.parametrize("name", SETS)
def test_another_seed_is_seen(name: str):
    sample = PRESETS[name].simulate(0, SEED + 1)
    assert probe(sample) != published_digests()[name].probes[0]
    digests = [pair_digest(sample)]
    assert compared(PRESETS[name], SEED + 1, digests) is None
    found = compared(PRESETS[name], SEED, digests)
    assert found == {"set": name, "same": None, "agreeing": 0, "known": 1}


def test_the_verdict_says_what_was_compared():
    assert "20000 published pairs of hard" in verdict(
        {"set": "hard", "same": True, "agreeing": 1, "known": 1}
    )
    assert "of 199 pairs of hard" in verdict({"set": "hard", "same": False, "agreeing": 198, "known": 199})
