"""The folder of a molecular-dynamics run: settings, frames in blocks, and the state it goes on from.

`settings.json` says what is simulated. `block-00000.h5`, `block-00001.h5`, ... hold `time_ps`,
`energy_kj_mol` (potential), `temperature_k`, `twist_deg_per_nm` and `beads` [frame, glucose, 3] of every
frame, and of some `atoms` [frame, atom, 3] with `atoms_time_ps` and `fibril_energy_kj_mol`, the potential
energy of the fibril by itself (not in older runs); lengths in Å. Their attribute `phase` is
`equilibration` or `production`. `state-00001.npz` is the state after the block of that number: a block
without one is made again.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from argand.errors import ConfigError, InputError
from argand.io.atomic import make_folder, write_lines, written
from argand.io.hdf5_file import written_hdf5
from argand.io.hdf5_links import opened
from argand.io.manifest import begin_manifest, has_manifest, note
from argand.runs.claim import claim_folder

SETTINGS = "settings.json"
"""File with what a run simulates."""


@dataclass(frozen=True)
class State:
    """Where a run stands: blocks written, phase, positions (Å), velocities (Å/ps), box (Å, or None)."""

    blocks: int
    phase: str
    cart: np.ndarray
    velocity: np.ndarray
    box: np.ndarray | None


class Trajectory:
    """Reads and writes the folder of a run; `settings` are plain values."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    @property
    def settings(self) -> dict[str, Any]:
        """What is simulated; InputError where no run is found."""
        try:
            return json.loads((self.folder / SETTINGS).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{self.folder}: not the folder of a dynamics run; give one") from error

    def begin(self, settings: Mapping[str, Any], unnamed: Mapping[str, Any]) -> None:
        """Make the folder, or go on with it; ConfigError where it holds another run.

        `unnamed` are the values of settings that older folders do not name.
        """
        if (self.folder / SETTINGS).exists():
            known = {**unnamed, **self.settings}
            other = [key for key in settings if known.get(key) != settings[key]]
            if other:
                raise ConfigError(f"{self.folder} holds a run with another {other[0]}; give another --out")
            return
        make_folder(self.folder)
        write_lines(self.folder / SETTINGS, [json.dumps(dict(settings), indent=1)])

    def blocks(self) -> list[Path]:
        """The blocks that a state confirms, in order."""
        files = sorted(self.folder.glob("block-*.h5"))
        states = sorted(self.folder.glob("state-*.npz"))
        return files[: _number(states[-1]) + 1] if states else []

    def phases(self) -> list[str]:
        """Phase of each block; InputError where one is damaged."""
        found = []
        for block in self.blocks():
            with _opened(block) as file:
                found.append(str(file.attrs["phase"]))
        return found

    def holds(self, name: str) -> bool:
        """Whether every block has this array; InputError where one is damaged."""
        for block in self.blocks():
            with _opened(block) as file:
                if name not in file:
                    return False
        return True

    def state(self) -> State | None:
        """The newest state, or None for a run that has none."""
        states = sorted(self.folder.glob("state-*.npz"))
        if not states:
            return None
        with np.load(states[-1]) as file:
            box = file.get("box")
            return State(_number(states[-1]) + 1, str(file["phase"]), file["cart"], file["velocity"], box)

    def append(self, frames: Mapping[str, np.ndarray], phase: str, state: State) -> None:
        """Write a block and then the state after it; `state.blocks` counts the new block."""
        number = state.blocks - 1
        # Level 1: coordinates that shake hardly shrink any further.
        packing = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
        block = self.folder / f"block-{number:05d}.h5"
        with written_hdf5(block) as file:
            for name, values in frames.items():
                file.create_dataset(name, data=values, **(packing if values.ndim > 1 and values.size else {}))
            file.attrs["phase"] = phase
        arrays = {"cart": state.cart, "velocity": state.velocity, "phase": np.array(state.phase)}
        if state.box is not None:
            arrays["box"] = state.box
        with written(self.folder / f"state-{number:05d}.npz") as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]
        for old in self.folder.glob("state-*.npz"):
            if _number(old) < number:
                old.unlink()

    def read(self, *names: str, phase: str | None = None) -> dict[str, np.ndarray]:
        """Arrays of all blocks, or those of one phase, one after the other; InputError where there are none.

        Units and shapes are those in which they were written: see the module.
        """
        parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
        for block in self.blocks():
            with _opened(block) as file:
                if phase in (None, file.attrs["phase"]):
                    for name in names:
                        parts[name].append(np.asarray(file[name]))
        if names and not parts[names[0]]:
            raise InputError(f"{self.folder}: no frames of {phase or 'any phase'} yet; continue the run")
        return {name: np.concatenate(values) for name, values in parts.items()}


@contextmanager
def _opened(block: Path) -> Iterator[h5py.File]:
    """A block to read from; InputError where it is damaged or lacks what is read."""
    try:
        with opened(block) as file:
            yield file
    except (OSError, KeyError) as error:
        raise InputError(f"{block}: damaged; simulate this run again") from error


def claim_run(folder: Path, *, force: bool = False, resume: bool = False) -> None:
    """Make a folder ready for a run, before any long work; see `runs.claim.claim_folder`.

    The files of a run of an older version, which kept no list of them, count as argand's.
    """
    if (folder / SETTINGS).exists() and not has_manifest(folder):
        begin_manifest(folder)
        for pattern in (SETTINGS, "block-*.h5", "state-*.npz"):
            for path in folder.glob(pattern):
                note(path)
    claim_folder(folder, force=force, resume=resume)


def _number(path: Path) -> int:
    return int(path.stem.split("-")[1])
