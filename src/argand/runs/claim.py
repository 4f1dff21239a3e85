"""Output folders and files: one that holds results is not written into unless --resume or --force say so."""

from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree

from argand.errors import ConfigError, OutputError
from argand.io.atomic import make_folder, told_of
from argand.io.manifest import begin_manifest, has_manifest, listed, remove_listed
from argand.page.document import PAGE
from argand.runs.command import COMMANDS, keep_command
from argand.runs.record import RESULTS, SUMMARY

_OLDER = (RESULTS, SUMMARY, PAGE)
"""What a folder of results holds that has no manifest, written by argand 0.1."""


def claim_folder(folder: Path, *, force: bool = False, resume: bool = False, can_resume: bool = True) -> Path:
    """Make a folder ready for the outputs of a verb; to be called before any long work.

    A folder without results is taken as it is, whatever else lies in it. Of one with results, `force` removes
    what argand wrote there, and nothing else; `resume` keeps it.

    Raises ConfigError for a folder with results and neither, or both, OutputError where the disk refuses.
    """
    _require_one(force, resume)
    make_folder(folder)
    with told_of(folder):
        if has_manifest(folder):
            if force:
                remove_listed(folder)
            elif not resume and any(path.exists() for path in listed(folder) if path.name != COMMANDS):
                raise ConfigError(_refusal(folder, "holds results of an earlier run", can_resume))
        elif found := next((folder / name for name in _OLDER if (folder / name).exists()), None):
            raise ConfigError(f"{found}: not written by this version of argand; give another --out")
        begin_manifest(folder)
    keep_command(folder, more=resume)
    return folder


def claim_file(
    file: Path,
    *,
    force: bool = False,
    resume: bool = False,
    can_resume: bool = True,
    beside: Sequence[Path] = (),
) -> Path:
    """Make room for an output file; to be called before any long work.

    `beside` are files and folders that argand alone writes for it, such as the shards of a data set. `force`
    removes file and `beside`; `resume` keeps them.

    Raises ConfigError for a file that exists and neither, or both, OutputError for a folder of that name and
    where the disk refuses.
    """
    _require_one(force, resume)
    if not file.name or file.is_dir():
        raise OutputError(f"{file}: a folder; give the name of a file")
    make_folder(file.parent)
    present = [path for path in (file, *beside) if path.exists()]
    if present and not (force or resume):
        raise ConfigError(_refusal(present[0], "exists", can_resume))
    if force:
        for path in present:
            with told_of(path):
                rmtree(path) if path.is_dir() else path.unlink()
    return file


def require_inputs_kept(folder: Path, inputs: Sequence[Path], *, force: bool) -> None:
    """Refuse to replace the results in a folder where inputs of the same command are among them.

    Raises ConfigError; to be called before `claim_folder`, whose `force` would remove these inputs.
    """
    if not force or not has_manifest(folder):
        return
    written = {path.resolve() for path in listed(folder)}
    lost = next((path for path in inputs if path.resolve() in written), None)
    if lost is not None:
        raise ConfigError(
            f"{lost}: an input that --force would remove; copy it elsewhere or give another --out"
        )


def _require_one(force: bool, resume: bool) -> None:
    if force and resume:
        raise ConfigError("--force and --resume exclude each other; choose one")


def _refusal(path: Path, why: str, can_resume: bool) -> str:
    resumed = "--resume continues it, " if can_resume else ""
    return f"{path}: {why}; {resumed}--force replaces it, or give another --out"
