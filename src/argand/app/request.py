"""From a form to a run: its files and settings are checked, and become words of the command line."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from argand.app.run import INPUTS, RESULT, Run
from argand.app.store import RunStore
from argand.app.upload import Form, require_field
from argand.app.verbs import Verb, verb_of
from argand.errors import ConfigError, InputError

VERB, EXAMPLE, REPEAT = "verb", "example", "repeat"
"""Fields of a form besides the settings: the verb; `yes` for its example; the run to repeat."""
KEEP = "keep"
"""Field: `yes` where the files of the run to repeat are taken again."""


def allowed_file(verbs: Mapping[str, Verb], fields: Mapping[str, str], field: str, name: str) -> None:
    """Raise ConfigError for a file that the verb, which must come first in a form, does not take."""
    if VERB not in fields:
        raise ConfigError("the field 'verb' must come before the files")
    verb = verb_of(fields[VERB], verbs)
    place = next((one for one in verb.files if one.name == field), None)
    if place is not None:
        place.require_kind(name)
        return
    require_field(field, set(verb.endings))
    if not name.lower().endswith(verb.endings[field]):
        raise ConfigError(f"{name}: not one of {', '.join(verb.endings[field])}; {field} is expected")


def make_run(form: Form, store: RunStore, verbs: Mapping[str, Verb]) -> Run:
    """The run that a form asks for, stored and ready to be queued; the form's files become its inputs.

    Raises ConfigError for what cannot be run; the form's files are then left to the caller.
    """
    verb = verb_of(form.fields.get(VERB, ""), verbs)
    settings = _settings(verb, form.fields)
    word = ""
    if form.fields.get(EXAMPLE) == "yes":
        word = verb.example.word
        settings = {**verb.example.settings, **settings}
        _copy(form, verb.example.paths())
    elif form.fields.get(KEEP) == "yes":
        word = _files_again(form, store, verb)
    if not word:
        for place in verb.files:
            place.require(form.files.get(place.name, []))
    for name in set(form.files) & set(verb.endings):
        if len(form.files[name]) > 1 and not verb.setting(name).several:
            raise ConfigError(f"{name}: one file is taken, not {len(form.files[name])}")
    words = verb.words(settings)
    run = store.create(verb.system, verb.name, form.folder)
    run.files, run.settings, run.word = dict(form.files), settings, word
    run.command = [verb.system, verb.name, *_given(verb, run, store), *words]
    run.command.append(f"--out={store.place(run) / RESULT}")
    return run


def _settings(verb: Verb, fields: Mapping[str, str]) -> dict[str, str]:
    """The settings that are not left as they are; ConfigError for a field that is none."""
    others = {VERB, EXAMPLE, REPEAT, KEEP}
    asked = {name: value.strip() for name, value in fields.items() if name not in others}
    return {name: value for name, value in asked.items() if value not in ("", verb.setting(name).default)}


def _given(verb: Verb, run: Run, store: RunStore) -> list[str]:
    """The words for the files of a run, in the order that the verb takes them."""
    home = store.place(run) / INPUTS
    words = [run.word] if run.word else []
    for place in verb.files if not run.word else ():
        names = run.files[place.name]
        if place.as_folder and len(names) > 1:
            words.append(str(home / place.name))
        else:
            words += [str(home / place.name / name) for name in names]
    for name in verb.endings:
        words += [f"{verb.setting(name).option}={home / name / sent}" for sent in run.files.get(name, [])]
    return words


def _files_again(form: Form, store: RunStore, verb: Verb) -> str:
    """Add the files of an earlier run where the form has none; the word that it had in place of files."""
    earlier = store.find(form.fields.get(REPEAT, ""))
    if earlier is None or not store.is_own(earlier) or earlier.key != verb.key:
        raise ConfigError("the run to repeat is gone; choose its files again")
    home = store.place(earlier) / INPUTS
    kept = {place: names for place, names in earlier.files.items() if place not in form.files}
    _copy(form, {place: [home / place / name for name in names] for place, names in kept.items()}, link=True)
    new = any(place.name in form.files for place in verb.files)
    return "" if new else earlier.word


def _copy(form: Form, files: Mapping[str, list[Path]], *, link: bool = False) -> None:
    """Add files to a form; hard links are enough for those of an earlier run, which may be large."""
    for place, paths in files.items():
        home = form.folder / place
        home.mkdir(exist_ok=True)
        for path in paths:
            if path.is_symlink() or not path.is_file():
                raise InputError(f"{path.name}: gone; choose the files again")
            try:
                os.link(path, home / path.name) if link else shutil.copyfile(path, home / path.name)
            except OSError:  # a disk without links, or one that is full, which the copy tells
                shutil.copyfile(path, home / path.name)
            form.files.setdefault(place, []).append(path.name)
