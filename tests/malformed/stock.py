"""What argand's own verbs have written from good inputs: made once, copied by the cases that damage it."""

import shutil
from pathlib import Path

class Stock:
    """A folder of finished runs, sets and weights, of which the named ones are made."""

    def __init__(self, folder: Path, names: set[str]) -> None:
        self.folder = folder
        folder.mkdir(parents=True)

    def copy(self, names: tuple[str, ...], folder: Path) -> None:
        """Copy some of them into the folder of a case."""
        for name in names:
            source = self.folder / name
            shutil.copytree(source, folder, dirs_exist_ok=True)
