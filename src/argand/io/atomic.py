"""Files that are written whole or not at all."""

from pathlib import Path


def write_lines(path: str | Path, lines: list[str]) -> None:
    """Write lines of text under a temporary name and move them into place, so no half file is left."""
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    partial.write_text("\n".join(lines) + "\n")
    partial.replace(path)
