"""The verbs of `argand crystals` over files of structures. Nothing heavy is imported before a verb runs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from argand.runs.verbs import Json, Processes, Scheduler, Weights, complain, print_json, say, screen

# Defaults of the verbs are those of the functions behind them, where it stands where they come from. Ten
# repairs on the way between structures and nine steps are by hand.
Files = Annotated[
    list[str], typer.Argument(help="CIF, POSCAR, extended XYZ or parquet files, globs, folders.")
]
Numbers = Annotated[int, typer.Option(help="Latent of a cell of up to 20 atoms; larger ones have more.")]
OwnNumbers = Annotated[
    int | None,
    typer.Option(
        "--numbers", help="Latent of a cell of up to 20 atoms: 512 by default, of symmetric 64; more beyond."
    ),
]
KeepSetting = Annotated[
    bool, typer.Option("--keep-setting", help="With symmetric: keep cell and origin, for 12 of the numbers.")
]
Folder = Annotated[Path, typer.Option("--out", "-o", help="Folder for CIFs and summary.json.")]
Force = Annotated[bool, typer.Option("--force", help="Do again what an earlier run has written.")]
ModelName = Annotated[
    str,
    typer.Option(
        "--model",
        help="best; symmetric: what the space group leaves free; paper: boxes of 10 Å as published.",
    ),
]
Single = Annotated[bool, typer.Option("--single", help="With paper: the single cell, not the crystal.")]
AsGiven = Annotated[
    bool, typer.Option("--as-given", help="Keep the cell, axes and origin of the file; no canonical setting.")
]
Tries = Annotated[int, typer.Option(help="Repairs tried where atoms do not explain a latent.", min=0)]
Index = Annotated[
    Path | None, typer.Option(help="What `index` wrote, in place of the shipped index of 60,000 structures.")
]
Symmetrise = Annotated[
    float, typer.Option(help="Make structures as symmetric as they are within so many Å; 0: leave.", min=0.0)
]


def encode(
    files: Files,
    out: Annotated[Path, typer.Option("--out", "-o", help="Parquet file for the latents.")],
    numbers: OwnNumbers = None,
    model: ModelName = "best",
    weights: Weights = None,
    single: Single = False,
    processes: Processes = None,
    scheduler: Scheduler = None,
    force: Force = False,
    as_given: AsGiven = False,
    keep_setting: KeepSetting = False,
    json: Json = False,
) -> None:
    """Write structures as vectors of at most 512 numbers for 20 atoms, and 12 that say how each was given.

    Example: argand crystals encode cifs/ -o latents.parquet
    """
    from argand.crew import Machines
    from argand.systems.crystals.files.run import encode_files

    made_by = _model(model, numbers, weights, single, as_given, keep_setting)
    summary = encode_files(files, out, made_by, machines=Machines(processes, scheduler), force=force)
    _tell(summary, json, f"latents: {out}")


def decode(
    latents: Annotated[Path, typer.Argument(help="What encode wrote.")],
    out: Folder,
    tries: Tries = 100,
    symmetrise: Symmetrise = 0.0,
    processes: Processes = None,
    scheduler: Scheduler = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write the structures of latents as CIFs, with a summary of how far each explains its vector.

    Example: argand crystals decode latents.parquet --out decoded
    """
    from argand.crew import Machines
    from argand.systems.crystals.files.run import Decoding, decode_file

    settings = {"decoding": Decoding(tries, symmetrise), "machines": Machines(processes, scheduler)}
    summary = decode_file(latents, out, **settings, force=force)
    _tell(summary, json, f"CIFs: {out}; page: {_page(out)}")


def reconstruct(
    files: Files,
    out: Folder,
    numbers: OwnNumbers = None,
    model: ModelName = "best",
    weights: Weights = None,
    single: Single = False,
    as_given: AsGiven = False,
    keep_setting: KeepSetting = False,
    tries: Tries = 100,
    symmetrise: Symmetrise = 0.0,
    processes: Processes = None,
    scheduler: Scheduler = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Encode structures and write what their vectors alone say as CIFs of the same names.

    Example: argand crystals reconstruct cifs/*.cif --out rebuilt
    """
    from argand.crew import Machines
    from argand.systems.crystals.files.run import Decoding, reconstruct_files

    settings = {"decoding": Decoding(tries, symmetrise), "machines": Machines(processes, scheduler)}
    made_by = _model(model, numbers, weights, single, as_given, keep_setting)
    summary = reconstruct_files(files, out, made_by, **settings, force=force)
    _tell(summary, json, f"CIFs: {out}; page: {_page(out)}")


def interpolate(
    first: Annotated[Path, typer.Argument(help="Structure at the beginning.")],
    second: Annotated[Path, typer.Argument(help="Structure at the end.")],
    out: Folder,
    steps: Annotated[
        int, typer.Option(help="Structures on the way, both ends included.", min=2, max=1000)
    ] = 9,
    numbers: OwnNumbers = None,
    model: ModelName = "best",
    weights: Weights = None,
    single: Single = False,
    as_given: AsGiven = False,
    tries: Tries = 10,
    json: Json = False,
) -> None:
    """Write the structures on the straight way between two latents; of `best` both ends as they are given.

    Example: argand crystals interpolate A.cif B.cif --steps 9 --out way
    """
    from argand.systems.crystals.files.explore import interpolate_files

    predictor = _predictor(_model(model, numbers, weights, single, as_given))
    summary = interpolate_files(first, second, steps, out, predictor, tries)
    _show(summary, json, f"CIFs: {out}; page: {_page(out)}")


def alter(
    file: Annotated[Path, typer.Argument(help="Structure to alter.")],
    out: Folder,
    substitute: Annotated[list[str] | None, typer.Option(help="Such as Na=K; may be repeated.")] = None,
    strain: Annotated[
        list[float] | None, typer.Option(help="Share of length; once for all axes, or three times.")
    ] = None,
    noise: Annotated[float, typer.Option(help="Noise on the latent, as a share of its size.", min=0.0)] = 0.0,
    count: Annotated[int, typer.Option(help="Copies, each with its own noise.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Another seed, other noise.", min=0, max=2**32 - 1)] = 0,
    volume: Annotated[
        str, typer.Option(help="Of replaced elements: network, as they take elsewhere, or keep.")
    ] = "network",
    numbers: OwnNumbers = None,
    model: ModelName = "best",
    weights: Weights = None,
    single: Single = False,
    json: Json = False,
) -> None:
    """Replace elements, stretch the cell or shake the latent of a structure.

    Example: argand crystals alter A.cif --substitute Na=K --strain 0.02 --out altered
    """
    from argand.systems.crystals.files.explore import alter_file

    ways: dict[str, Any] = {"substitutions": substitute or (), "strain": strain or ()}
    ways |= {"noise": noise, "count": count, "seed": seed, "volume": volume}
    summary = alter_file(file, out, _predictor(_model(model, numbers, weights, single)), **ways)
    size = f"volume: {summary['volume']}, lengths times {summary['volume_scale']:.3f}"
    _show(summary, json, f"CIFs: {out}; {size}")
    for text in summary.get("failed", ()):
        complain(f"not made: {text}")
    if "failed" in summary:
        raise typer.Exit(1)


def nearest(
    file: Annotated[Path, typer.Argument(help="Structure whose like is wanted.")],
    among: Annotated[
        list[str] | None, typer.Option(help="Structures to look among, instead of an index; may be repeated.")
    ] = None,
    most: Annotated[int, typer.Option(help="How many to show.", min=1)] = 10,
    index: Index = None,
    json: Json = False,
) -> None:
    """Show the known structures, or those of other files, that are most like one.

    Example: argand crystals nearest A.cif
    """
    if among:
        from argand.systems.crystals.files.explore import nearest_files

        found = nearest_files(file, among, most)
    else:
        from argand.io.structure import read_structure
        from argand.systems.crystals.database.fingerprint_index import load_index

        found = load_index(index).nearest(read_structure(file), most)
    if json:
        print_json(found)
    else:
        from argand.systems.crystals.files.table import record_table

        screen().print(record_table(found, f"nearest to {file}"))


def view(
    results: Annotated[Path, typer.Argument(help="Folder that reconstruct, decode or interpolate wrote.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The page; index.html there by default.")
    ] = None,
    among: Annotated[list[str] | None, typer.Option(help="Structures for the map; may be repeated.")] = None,
) -> None:
    """Write the page of a run: structures in 3-D beside what was encoded, and a map of latents.

    Example: argand crystals view rebuilt --among known.parquet --out page.html
    """
    from argand.systems.crystals.view import write_page

    say(f"page: {write_page(results, out, among or ())}")


def index(
    pool: Annotated[
        Path, typer.Argument(help="Parquet file of structures; rows of a benchmark are left out.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the index.")],
    largest: Annotated[int, typer.Option(help="Atoms of the largest cell that is indexed.", min=1)] = 20,
    prototypes: Annotated[int, typer.Option(help="Structures kept whole, to draw new ones from.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Another seed, other prototypes.", min=0, max=2**32 - 1)] = 0,
    frameworks: Annotated[
        bool, typer.Option("--frameworks", help="List the frameworks too, of benchmarks as well: minutes.")
    ] = False,
    json: Json = False,
) -> None:
    """Make an index of known structures, for `nearest` and `sample` to look in.

    Example: argand crystals index mp_pool.parquet --largest 50 --out known
    """
    from argand.systems.crystals.files.index import write_index

    made = write_index(pool, out, largest, prototypes, seed, frameworks)
    if json:
        print_json(made)
    else:
        say(f"{made['indexed']} structures indexed, {made['prototypes']} kept whole: {made['index']}")


def _show(summary: dict[str, Any], json: bool, where: str) -> None:
    """Print the records of structures that were made."""
    if json:
        print_json(summary)
        return
    from argand.systems.crystals.files.table import record_table

    screen().print(record_table(summary["structures"], "decoded structures"))
    say(where)


def _page(out: Path) -> Path:
    from argand.systems.crystals.view import write_page

    return write_page(out)


def _representation(numbers: int) -> Any:
    from argand.systems.crystals.latent.representation import representation_of

    return representation_of(numbers)


def _predictor(model: Any) -> Any:
    from argand.systems.crystals.predict import Predictor

    return Predictor(model)


def _model(
    name: str,
    numbers: int | None,
    weights: Path | None,
    single: bool,
    as_given: bool = False,
    keep_setting: bool = False,
) -> Any:
    from argand.systems.crystals.models.named import named_model

    return named_model(name, numbers, weights, single, as_given, keep_setting)


def _tell(summary: dict[str, Any], json: bool, where: str) -> None:
    """Print what was done; exit with 1 where something was skipped."""
    if json:
        print_json(summary)
    else:
        from argand.systems.crystals.files.table import summary_table

        for note in summary["notes"]:
            say(f"note: {note}")
        for one in summary["skipped"]:
            complain(f"skipped: {one['reason']}")
        if summary.get("structures"):
            screen().print(summary_table(summary))
        count = summary.get("encoded", summary.get("written"))
        say(f"{count} structures, {summary['skipped_count']} skipped; {where}")
    if summary["skipped"]:
        raise typer.Exit(1)
