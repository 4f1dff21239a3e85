"""The verbs of `argand crystals`. Nothing heavy is imported before a verb runs."""

import json as json_format
from pathlib import Path
from typing import Annotated, Any

import typer

from argand.verbs import Json, Processes, complain, say, screen

app = typer.Typer(help="Crystal structures as vectors, and back.", no_args_is_help=True)

Files = Annotated[
    list[str], typer.Argument(help="CIF, POSCAR, extended XYZ or parquet files, globs, folders.")
]
Numbers = Annotated[int, typer.Option(help="Latent of a cell of up to 20 atoms; larger ones have more.")]
Folder = Annotated[Path, typer.Option("--out", "-o", help="Folder for CIFs and summary.json.")]
Force = Annotated[bool, typer.Option("--force", help="Do again what an earlier run has written.")]
Tries = Annotated[int, typer.Option(help="Repairs tried where atoms do not explain a latent.", min=0)]


@app.command()
def encode(
    files: Files,
    out: Annotated[Path, typer.Option("--out", "-o", help="Parquet file for the latents.")],
    numbers: Numbers = 512,
    json: Json = False,
) -> None:
    """Write structures as vectors of at most 512 numbers for 20 atoms.

    Example: argand crystals encode cifs/ -o latents.parquet
    """
    from argand.systems.crystals.run import encode_files

    _tell(encode_files(files, out, _representation(numbers)), json, f"latents: {out}")


@app.command()
def decode(
    latents: Annotated[Path, typer.Argument(help="What encode wrote.")],
    out: Folder,
    tries: Tries = 100,
    processes: Processes = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write the structures of latents as CIFs, with a summary of how far each explains its vector.

    Example: argand crystals decode latents.parquet --out decoded
    """
    from argand.systems.crystals.run import decode_file

    _tell(decode_file(latents, out, tries=tries, processes=processes, force=force), json, f"CIFs: {out}")


@app.command()
def reconstruct(
    files: Files,
    out: Folder,
    numbers: Numbers = 512,
    tries: Tries = 100,
    processes: Processes = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Encode structures and write what their vectors alone say as CIFs of the same names.

    Example: argand crystals reconstruct cifs/*.cif --out rebuilt
    """
    from argand.systems.crystals.run import reconstruct_files

    settings = {"tries": tries, "processes": processes, "force": force}
    _tell(reconstruct_files(files, out, _representation(numbers), **settings), json, f"CIFs: {out}")


def _representation(numbers: int) -> Any:
    from argand.systems.crystals.latent import representation_of

    return representation_of(numbers)


def _tell(summary: dict[str, Any], json: bool, where: str) -> None:
    """Print what was done; exit with 1 where something was skipped."""
    if json:
        typer.echo(json_format.dumps(summary, indent=1))
    else:
        from argand.systems.crystals.table import summary_table

        for one in summary["skipped"]:
            complain(f"skipped: {one['reason']}")
        if summary.get("structures"):
            screen().print(summary_table(summary))
        count = summary.get("encoded", summary.get("written"))
        say(f"{count} structures, {summary['skipped_count']} skipped; {where}")
    if summary["skipped"]:
        raise typer.Exit(1)
