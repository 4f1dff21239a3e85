"""The verb index as a function: a pool of structures in; an index of what is known, and prototypes, out."""

from pathlib import Path
from typing import Any

from argand.systems.crystals.known import SHIPPED, index_of, save_index
from argand.systems.crystals.pool import pool_structures
from argand.systems.crystals.prototype import SHIPPED as SHIPPED_PROTOTYPES
from argand.systems.crystals.prototype import drawn, save_prototypes


def write_library(pool: Path, out: Path, largest: int, prototypes: int, seed: int) -> dict[str, Any]:
    """Write `known.safetensors` and, if some are wanted, `prototypes.safetensors` to `out`; what they hold.

    Indexed are all structures of the pool up to `largest` atoms that belong to no benchmark.
    """
    named = list(pool_structures(pool, largest))
    save_index(out / SHIPPED.name, index_of(named))
    made: dict[str, Any] = {"indexed": len(named), "index": str(out / SHIPPED.name), "prototypes": 0}
    if prototypes:
        chosen = drawn(named, prototypes, seed)
        save_prototypes(out / SHIPPED_PROTOTYPES.name, chosen)
        made["prototypes"] = len(chosen)
    return made
