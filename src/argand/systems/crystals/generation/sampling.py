"""The verb sample as a function: new crystals from a prior over the latents, each written when it is found.

The prior is a mixture of normal distributions over latents. The centre of each is the latent of a composed
crystal: cell and places of a known one, elements and volume drawn by the network of occupations. A draw from
it is decoded as any other latent is. Frameworks that are drawn whole are taken as they are.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import numpy as np

from argand.crew import HERE, Crew, Died, Machines
from argand.errors import ConfigError
from argand.io.atomic import write_lines
from argand.physics.crystal.structure import Structure
from argand.progress import ProgressDisplay
from argand.runs.claim import claim_folder
from argand.runs.course import Failure
from argand.runs.one_by_one import OneByOne
from argand.runs.record import SCHEMA_VERSION, Record, to_record, write_summary
from argand.runs.resume import ASKED, digest
from argand.runs.store import RecordStore
from argand.system import to_config
from argand.systems.crystals.database.fingerprint_index import Formula, formula_of, is_same, load_index
from argand.systems.crystals.database.latents import StoredLatent, latent_of_text, write_latents
from argand.systems.crystals.energy.phases import load_phases
from argand.systems.crystals.energy.potential import load_potential
from argand.systems.crystals.generation.candidates import Candidate, Prior, Sample, candidates, sampled
from argand.systems.crystals.generation.selection import FAILED, REPEATED, Selection, from_plain
from argand.systems.crystals.latent.representation import Representation

LATENTS, RECORDS = "latents.parquet", "records.jsonl"
MOST_DRAWS = 50
"""Draws for each sample that is asked for, at most. By hand: new ones within 0.1 eV of the hull take five."""


def draw(
    prior: Prior, representation: Representation, count: int, seed: int, weights: Path | None = None
) -> list[Sample]:
    """`count` samples by random seed, none rejected.

    ConfigError for a count below 1, InputError for no weights.
    """
    _require_count(count)
    made: list[Sample] = []
    with ProgressDisplay("sample", "structures") as display:
        for one in islice(candidates(prior, seed, weights=weights), count):
            made.append(sampled(one, prior, representation))
            display.update(len(made) / count, len(made))
    return made


def sample_files(
    out: Path,
    count: int,
    seed: int,
    selection: Selection,
    machines: Machines = HERE,
    *,
    force: bool = False,
    resume: bool = False,
) -> Record:
    """Write `count` new crystals as `sample-0001.cif` and so on, their latents, and a summary.

    Each record names the nearest known structure, and marks what is known or repeats an earlier sample.
    Candidates that are rejected are counted by reason. The record of every candidate is kept at once, so that
    `resume` continues a run that was stopped, or one of a smaller count. Candidates are composed in this
    process and tested by `machines`. ConfigError for a count below 1, for a folder with results and neither
    `force` nor `resume`, and for one with more samples or other settings; KeyboardInterrupt, after writing
    what there is, for Ctrl-C; InputError for an invalid index or invalid phases.
    """
    _require_count(count)
    load_index(selection.index)
    if selection.wishes.relax:
        load_phases(selection.phases)
        load_potential()
    claim_folder(out, force=force, resume=resume)
    _require_fewer(out, count)
    ledger = Ledger(out, count, selection, digest([seed, selection]))
    settings = {"seed": seed, "prior": asdict(selection.prior), "wishes": asdict(selection.wishes)}
    settings["representation"] = to_config(selection.representation)
    settings["indexed"] = len(load_index(selection.index))
    try:
        _fill(ledger, seed, selection, machines)
    except KeyboardInterrupt as interrupt:
        ledger.conclude(settings)
        done = f"{len(ledger.kept)} of {count} samples are in {out}"
        raise KeyboardInterrupt(f"stopped; {done}, --resume continues") from interrupt
    return ledger.conclude(settings)


def _require_count(count: int) -> None:
    if count < 1:
        raise ConfigError(f"a count of {count} is too small; give --count 1 or more")


def _require_fewer(out: Path, count: int) -> None:
    """ConfigError where a folder that is continued has more samples than are asked for."""
    there = sum(1 for _ in out.glob("sample-*.cif"))
    if there > count:
        raise ConfigError(
            f"{out}: holds {there} samples; give --count {there} or more, --force, or another --out"
        )


def _fill(ledger: "Ledger", seed: int, selection: Selection, machines: Machines) -> None:
    """Draw until the ledger is full or the bound is reached."""
    if ledger.is_full:
        return
    first, begun = ledger.tested, len(ledger.kept)
    bound = max(MOST_DRAWS * ledger.count - first, 0)
    drawn = islice(candidates(selection.prior, seed, first), bound)
    # More are drawn as there is room for them, and none once there are enough.
    chunks = ([one] for one in drawn if one.number not in ledger.outcomes)
    with (
        ProgressDisplay("sample", "structures", ledger.share) as display,
        Crew(machines, OneByOne(selection.outcome)) as crew,
        closing(crew.results(chunks)) as results,
    ):
        for candidate, result in results:
            ledger.take(_failed(candidate, result) if isinstance(result, Failure | Died) else result)
            display.update(ledger.share, len(ledger.kept) - begun, f"{len(ledger.outcomes)} candidates")
            if ledger.is_full:
                return


def _failed(candidate: Candidate, why: Failure | Died) -> Record:
    """The record of a candidate that could not be tested."""
    about = {"draw": candidate.number, "prototype": candidate.origin}
    return {**about, "rejected": FAILED, "reason": why.text}


class Ledger:
    """The draws of a run in their order: which are kept, under which names, and why others are not.

    Whatever the order in which they were tested, a candidate counts when all before it do, so that a run
    gives the same samples with any number of processes. ConfigError where the folder has samples of other
    settings."""

    def __init__(self, out: Path, count: int, selection: Selection, asked: str) -> None:
        self.out, self.count, self.selection, self.asked = out, count, selection, asked
        self._store = RecordStore(out / RECORDS, "draw")
        if any(self._store.asked(draw) != asked for draw in self._store):
            raise ConfigError(
                f"{out}: holds samples of other settings; --force replaces them, or give another --out"
            )
        self.outcomes: dict[int, Record] = {one["draw"]: one for one in self._store.read(self._store)}
        self.kept: list[Record] = []
        self.tested = 0
        self._rejected: Counter[str] = Counter()
        self._seen: dict[Formula, list[tuple[str, Structure]]] = {}
        self._take_in_order()

    @property
    def is_full(self) -> bool:
        """Whether there are as many as asked for."""
        return len(self.kept) >= self.count

    @property
    def share(self) -> float:
        """Share of the samples that are there."""
        return len(self.kept) / self.count

    def take(self, record: Record) -> None:
        """Keep the record of a draw, and write the CIFs of new samples."""
        record = {ASKED: self.asked, **to_record(record)}
        self._store.add(record)
        self.outcomes[record["draw"]] = record
        self._take_in_order()

    def _take_in_order(self) -> None:
        while self.tested in self.outcomes and not self.is_full:
            self._count(self.outcomes[self.tested])
            self.tested += 1

    def _count(self, record: Record) -> None:
        """Keep a draw or count why not; one that repeats an earlier one is marked, or rejected."""
        if "rejected" in record:
            self._rejected[record["rejected"]] += 1
            return
        structure = from_plain(record["structure"])
        earlier = self._seen.setdefault(formula_of(structure), [])
        first = next((name for name, one in earlier if is_same(structure, one)), None)
        if first is not None and self.selection.wishes.new:
            self._rejected[REPEATED] += 1
            return
        name = f"sample-{len(self.kept) + 1:04d}"
        earlier.append((name, structure))
        shown = {key: value for key, value in record.items() if key not in (ASKED, "structure", "latent")}
        shown = {"schema_version": SCHEMA_VERSION, **shown}
        self.kept.append({"file": f"{name}.cif", **shown, "duplicate_of": first})
        if not (self.out / f"{name}.cif").exists():
            keys = ("confidence", "misfit", "plausibility", "above_hull")
            tags = {f"_argand_{key}": f"{shown[key]:.4g}" for key in keys if shown.get(key) is not None}
            write_lines(self.out / f"{name}.cif", structure.to_cif(name, tags).splitlines())

    def conclude(self, settings: Record) -> Record:
        """Write latents and summary of what is there."""
        rows = []
        for record in self.kept:
            latent = latent_of_text(self.outcomes[record["draw"]]["latent"])
            name = record["file"].removesuffix(".cif")
            verdict = {"trusted": record["trusted"], "reason": record["reason"]}
            rows.append(StoredLatent(name, record["prototype"], record["atoms"], latent, **verdict))
        if rows:
            write_latents(self.out / LATENTS, rows, settings["representation"])
        summary = {
            "schema_version": SCHEMA_VERSION,
            "asked": self.count,
            "drawn": self.tested,
            "rejected": dict(self._rejected),
            **shares(self.kept),
            **settings,
            "structures": self.kept,
        }
        return write_summary(self.out, to_record(summary))


def repeated(structures: Sequence[Structure]) -> list[int | None]:
    """For each structure the number of an earlier one that it is the same as, or None."""
    seen: dict[Formula, list[int]] = {}
    found: list[int | None] = []
    for number, structure in enumerate(structures):
        earlier = seen.setdefault(formula_of(structure), [])
        found.append(next((one for one in earlier if is_same(structures[one], structure)), None))
        earlier.append(number)
    return found


def shares(records: Sequence[Record]) -> Record:
    """How many samples there are, what share of them is valid, new and no repetition, and means."""
    count = len(records)
    if not count:
        return {"count": 0, "trusted_count": 0}
    found: Record = {
        "count": count,
        "trusted_count": sum(one["trusted"] for one in records),
        "valid_loose": sum(one["valid_loose"] for one in records) / count,
        "valid_strict": sum(one["valid_strict"] for one in records) / count,
        "unique": sum(one["duplicate_of"] is None for one in records) / count,
        "new": sum(one["known_as"] is None for one in records) / count,
        "mean_confidence": float(np.mean([one["confidence"] for one in records])),
        "mean_plausibility": float(np.mean([one["plausibility"] for one in records])),
    }
    judged = [one["above_hull"] for one in records if one.get("above_hull") is not None]
    if judged:
        found["median_above_hull"] = float(np.median(judged))
    return found
