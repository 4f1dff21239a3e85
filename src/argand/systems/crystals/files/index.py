"""The verb index as a function: structures in; an index of what is known, and prototypes, out."""

from pathlib import Path
from typing import Any

from argand.runs.claim import claim_folder
from argand.runs.record import SCHEMA_VERSION
from argand.systems.crystals.database.dataset import from_parquet
from argand.systems.crystals.database.fingerprint_index import SHIPPED, index_of, save_index
from argand.systems.crystals.generation.framework_index import SHIPPED as SHIPPED_FRAMEWORKS
from argand.systems.crystals.generation.framework_index import framework_of, save_frameworks
from argand.systems.crystals.generation.structure_templates import SHIPPED as SHIPPED_PROTOTYPES
from argand.systems.crystals.generation.structure_templates import draw_templates, save_templates


def write_index(
    pool: Path,
    out: Path,
    largest: int,
    prototypes: int,
    seed: int,
    frameworks: bool = False,
    force: bool = False,
) -> dict[str, Any]:
    """Write to `out` `known.safetensors` and, if wanted, `prototypes.safetensors`, `frameworks.safetensors`.

    Indexed are all structures of the pool up to `largest` atoms that belong to no benchmark; `prototypes` of
    them are kept whole, chosen by the random seed. Frameworks include those of benchmarks, so that none of
    these counts as new. Gives what the files contain. InputError where the pool has no structures,
    ConfigError where `out` has results and `force` is not given.
    """
    claim_folder(out, force=force, can_resume=False)
    structures = from_parquet(pool, largest)
    save_index(out / SHIPPED.name, index_of(structures.named("index")))
    made: dict[str, Any] = {"indexed": len(structures), "index": str(out / SHIPPED.name), "prototypes": 0}
    made["schema_version"] = SCHEMA_VERSION
    if prototypes:
        chosen = draw_templates(structures, prototypes, seed)
        save_templates(out / SHIPPED_PROTOTYPES.name, chosen)
        made["prototypes"] = len(chosen)
    if frameworks:
        every = from_parquet(pool, largest, benchmarks=True)
        labels = (framework_of(structure) for _, structure in every.named("frameworks"))
        known = [label for label in labels if label is not None]
        made["frameworks"] = save_frameworks(out / SHIPPED_FRAMEWORKS.name, known)
    return made
