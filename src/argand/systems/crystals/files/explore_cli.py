"""The verbs of `argand crystals` around single structures. Nothing heavy is imported before one runs."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from argand.runs.verbs import (
    ADVANCED,
    AcceptUntrusted,
    Csv,
    Force,
    Json,
    Open,
    Seed,
    Weights,
    complain,
    end,
    print_json,
    require_one_format,
    say,
    screen,
)
from argand.systems.crystals.files.options import (
    AsGiven,
    Folder,
    Index,
    ModelName,
    OwnNumbers,
    Restarts,
    Single,
    model_of_options,
    page_of,
    show,
)

# Ten restarts between structures and nine steps are by hand; other defaults are those of the functions.


def interpolate(
    first: Annotated[Path, typer.Argument(help="First structure.")],
    second: Annotated[Path, typer.Argument(help="Last structure.")],
    out: Folder,
    steps: Annotated[
        int, typer.Option(help="Number of structures, both ends included.", min=2, max=1000)
    ] = 9,
    model: ModelName = "best",
    numbers: OwnNumbers = None,
    weights: Weights = None,
    single: Single = False,
    as_given: AsGiven = False,
    restarts: Restarts = 10,
    force: Force = False,
    accept_untrusted: AcceptUntrusted = False,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Write structures by linear interpolation between two vectors; with `best` the ends stay as given.

    A vector between two crystals belongs to neither, so that steps in the middle are often best guesses.

    Example: argand crystals interpolate A.cif B.cif --steps 9 --out path
    """
    from argand.systems.crystals.files.explore import interpolate_files

    require_one_format(json, csv)
    predictor = _predictor(model_of_options(model, numbers, weights, single, as_given))
    summary = interpolate_files(first, second, steps, out, predictor, restarts, force)
    page = page_of(out)
    show(summary, json, csv, f"from {first.stem} to {second.stem}", f"CIFs: {out}; page: {page}")
    end(summary["structures"], accept_untrusted)


def alter(
    file: Annotated[Path, typer.Argument(help="Structure to alter.")],
    out: Folder,
    substitute: Annotated[
        list[str] | None, typer.Option(help="Elements to replace, such as Na=K; may be repeated.")
    ] = None,
    strain: Annotated[
        list[float] | None,
        typer.Option(help="Relative change of lengths; once for all axes, or three times for a, b, c."),
    ] = None,
    noise: Annotated[
        float, typer.Option(help="Noise to add to the vector, as a fraction of its size.", min=0.0)
    ] = 0.0,
    count: Annotated[int, typer.Option(help="Number of copies, each with its own noise.", min=1)] = 1,
    seed: Seed = 0,
    volume: Annotated[
        Literal["network", "keep"],
        typer.Option(
            help="Volume with replaced elements: predicted by a network, or kept.", rich_help_panel=ADVANCED
        ),
    ] = "network",
    model: ModelName = "best",
    numbers: OwnNumbers = None,
    weights: Weights = None,
    single: Single = False,
    force: Force = False,
    accept_untrusted: AcceptUntrusted = False,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Replace elements of a structure, strain its cell, or add noise to its vector.

    Example: argand crystals alter A.cif --substitute Na=K --strain 0.02 --out altered
    """
    from argand.systems.crystals.files.explore import alter_file

    require_one_format(json, csv)
    settings: dict[str, Any] = {"substitutions": substitute or (), "strain": strain or (), "force": force}
    settings |= {"noise": noise, "count": count, "seed": seed, "volume": volume}
    predictor = _predictor(model_of_options(model, numbers, weights, single))
    summary = alter_file(file, out, predictor, **settings)
    size = f"volume: {summary['volume']}, lengths times {summary['volume_scale']:.3f}"
    show(summary, json, csv, f"altered from {file.stem}", f"CIFs: {out}; page: {page_of(out)}; {size}")
    lost = summary.get("failed", ())
    for text in lost:
        complain(f"failed: {text}")
    end([*summary["structures"], *({"failed": True} for _ in lost)], accept_untrusted)


def nearest(
    file: Annotated[Path, typer.Argument(help="Structure to compare with.")],
    among: Annotated[
        list[str] | None,
        typer.Option(help="Files of structures to search instead of an index; may be repeated."),
    ] = None,
    most: Annotated[int, typer.Option(help="Number of structures to show.", min=1)] = 10,
    index: Index = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Show the known structures, or those of other files, that are most similar to a structure.

    Example: argand crystals nearest A.cif
    """
    from argand.systems.crystals.files.explore import nearest_files, nearest_known

    require_one_format(json, csv)
    found = nearest_files(file, among, most) if among else nearest_known(file, index, most)
    if json:
        print_json(found)
        return
    from argand.systems.crystals.files.table import csv_text, record_table

    if csv:
        typer.echo(csv_text(found), nl=False)
    else:
        screen().print(record_table(found, f"nearest to {file}"))


def view(
    results: Annotated[
        Path, typer.Argument(help="Folder that reconstruct, decode, interpolate, alter or sample wrote.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File of the page; by default index.html there.")
    ] = None,
    among: Annotated[list[str] | None, typer.Option(help="Structures for the map; may be repeated.")] = None,
    open_page: Open = False,
) -> None:
    """Write the page of a run: structures in 3-D beside what was encoded, or a film of a path, and a map.

    Example: argand crystals view rebuilt --among known.parquet --out page.html
    """
    from argand.runs.browser import say_page
    from argand.systems.crystals.view import write_page

    say_page(write_page(results, out, among or ()), open_page)


def index(
    pool: Annotated[
        Path, typer.Argument(help="Parquet file of structures; rows of a benchmark are left out.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the index.")],
    largest: Annotated[int, typer.Option(help="Largest number of atoms in a cell to index.", min=1)] = 20,
    prototypes: Annotated[
        int, typer.Option(help="Number of structures kept whole, as prototypes of new ones.", min=0)
    ] = 0,
    seed: Seed = 0,
    frameworks: Annotated[
        bool, typer.Option("--frameworks", help="List the frameworks too, those of benchmarks included.")
    ] = False,
    force: Force = False,
    json: Json = False,
) -> None:
    """Make an index of known structures for `nearest` and `sample` to search.

    Example: argand crystals index mp_pool.parquet --largest 50 --out known
    """
    from argand.systems.crystals.files.index import write_index

    made = write_index(pool, out, largest, prototypes, seed, frameworks, force)
    if json:
        print_json(made)
    else:
        say(f"{made['indexed']} structures indexed, {made['prototypes']} kept whole: {made['index']}")


def _predictor(model: Any) -> Any:
    from argand.systems.crystals.predict import Predictor

    return Predictor(model)
