"""A training run must see the same samples however it is spread, interrupted or replayed."""

from collections import Counter
from itertools import islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy import ToySystem

from argand.errors import ConfigError
from argand.learn.stream import (
    SampleStream,
    StreamPlan,
    ValidationSamples,
    training_loader,
    validation_batches,
)


def indices(plan: StreamPlan, steps: int, start: int = 0) -> list[list[int]]:
    """Sample numbers of each of `steps` batches from batch `start` on."""
    loader = training_loader(ToySystem(), plan, start)
    return [batch["index"].tolist() for batch in islice(iter(loader), steps)]


def test_batches_hold_the_samples_in_order():
    assert indices(StreamPlan(batch_size=2, seed=0), 3) == [[0, 1], [2, 3], [4, 5]]


def test_number_of_workers_changes_no_batch():
    alone = indices(StreamPlan(batch_size=3, seed=0), 5)
    assert indices(StreamPlan(batch_size=3, seed=0, workers=2), 5) == alone


@pytest.mark.parametrize(("workers", "replay"), [(0, 1), (0, 2), (2, 1), (2, 2)])
def test_a_resumed_stream_goes_on_where_it_stopped(workers: int, replay: int):
    plan = StreamPlan(batch_size=4, seed=1, workers=workers, replay=replay)
    assert indices(plan, 3, start=4) == indices(plan, 7)[4:]


def test_processes_share_the_samples_of_a_step():
    whole = indices(StreamPlan(batch_size=4, seed=0), 3)
    parts = [indices(StreamPlan(batch_size=2, seed=0, rank=rank, world=2), 3) for rank in range(2)]
    assert [first + second for first, second in zip(*parts, strict=True)] == whole


@given(workers=st.integers(0, 3), replay=st.integers(1, 4), world=st.integers(1, 3))
def test_each_sample_is_replayed_in_as_many_batches_as_asked(workers: int, replay: int, world: int):
    steps = 40
    uses: Counter[int] = Counter()
    for rank in range(world):
        plan = StreamPlan(batch_size=replay, seed=0, workers=workers, replay=replay, rank=rank, world=world)
        for step in range(steps):
            uses.update(set(plan.chunks(step)))
    stride = max(1, workers) * world
    settled = range(stride * replay, steps * world)
    assert {uses[chunk] for chunk in settled} == {replay}


def test_replayed_batches_hold_what_the_plan_says():
    plan = StreamPlan(batch_size=4, seed=0, replay=2)
    batches = list(islice(iter(SampleStream(ToySystem(), plan)), 2))
    assert [batch["index"].tolist() for batch in batches] == [[0, 1, 2, 3], [2, 3, 4, 5]]
    assert torch.equal(batches[0]["points"][2:], batches[1]["points"][:2])


def test_a_batch_that_replay_does_not_divide_is_refused():
    with pytest.raises(ConfigError, match="batch size 5 is not a multiple of replay 2"):
        StreamPlan(batch_size=5, seed=0, replay=2)


def test_validation_samples_are_never_those_of_training():
    system, plan = ToySystem(), StreamPlan(batch_size=4, seed=0)
    trained = next(iter(SampleStream(system, plan)))["points"]
    assert not torch.isclose(trained, ValidationSamples(system, 4, 4, seed=0)[0]["points"]).any()


@pytest.mark.parametrize("workers", [0, 2])
def test_processes_share_the_validation_samples(workers: int):
    plans = [StreamPlan(batch_size=4, seed=0, workers=workers, rank=rank, world=2) for rank in range(2)]
    shares = [validation_batches(ToySystem(), plan, 10) for plan in plans]
    numbers = [index for share in shares for batch in share for index in batch["index"].tolist()]
    assert sorted(numbers) == list(range(10))
