"""One name for one thing: the options of all verbs of all systems, as the command line has them."""

import importlib
import inspect
import re
from collections.abc import Iterator

import click
import pytest
import typer
from typer.testing import CliRunner

from argand.cli import build
from argand.runs.verbs import ADVANCED
from argand.system import SYSTEMS

ROOT = typer.main.get_command(build(SYSTEMS))
MANY = 10
"""Options from which on a verb shows those that a first user does not need in a panel of their own."""
ANSWERING = {
    "geometry predict",
    "patterson predict",
    "patterson solve",
    "molmnist predict",
    "crystals reconstruct",
    "crystals decode",
}
"""Verbs whose exit code says whether their answers are trusted."""
NO_RESULTS = {"geometry view", "patterson view", "molmnist view", "crystals view"}


def verbs() -> Iterator[tuple[str, click.Command]]:
    """Each verb of each system by its full name."""
    for system in sorted(SYSTEMS):
        group = ROOT.commands[system]  # pyright: ignore[reportAttributeAccessIssue]
        for name, verb in group.commands.items():
            yield f"{system} {name}", verb


VERBS = dict(verbs())


def options(verb: click.Command) -> dict[str, click.Parameter]:
    """The options of a verb by their long name, without --help."""
    found = {}
    for parameter in verb.params:
        if isinstance(parameter, click.Option) or parameter.param_type_name == "option":
            long = next((name for name in parameter.opts if name.startswith("--")), None)
            if long and long != "--help":
                found[long] = parameter
    return found


@pytest.mark.parametrize("name", VERBS)
def test_out_has_a_short_form_and_what_writes_can_replace(name: str):
    given = options(VERBS[name])
    if "--out" not in given:
        return
    assert "-o" in given["--out"].opts
    if name not in NO_RESULTS:
        assert "--force" in given


@pytest.mark.parametrize("name", VERBS)
def test_old_names_are_gone(name: str):
    given = options(VERBS[name])
    assert not {"--workers", "--tries"} & set(given)
    assert not [long for long in given if long.startswith("--train-minutes")]


def kind_of(option: click.Parameter) -> str:
    """What an option takes: the name of its type, without whether it may be left out."""
    kind = option.bare_type  # pyright: ignore[reportAttributeAccessIssue]
    return str(kind() if inspect.ismethod(kind) else kind)


def test_an_option_of_several_verbs_takes_the_same_kind_everywhere():
    kinds: dict[str, dict[str, set[str]]] = {}
    for name, verb in VERBS.items():
        for long, option in options(verb).items():
            kinds.setdefault(long, {}).setdefault(kind_of(option), set()).add(name)
    mixed = {long: found for long, found in kinds.items() if len(found) > 1}
    # One file or several of the same; the same two kinds of radiation, as an enumeration and as words; the
    # name of a network, one of two where weights are shipped.
    allowed = {"--structures", "--radiation", "--network"}
    assert not {long: found for long, found in mixed.items() if long not in allowed}


@pytest.mark.parametrize("long", ["--seed", "--force", "--resume", "--json", "--csv", "--accept-untrusted"])
def test_a_shared_option_has_one_help(long: str):
    told = {name: options(verb)[long].help for name, verb in VERBS.items() if long in options(verb)}
    if long == "--seed":  # that of an evaluation has a default that no training uses
        told = {name: text for name, text in told.items() if not name.endswith(" evaluate")}
    assert told
    assert len(set(told.values())) == 1, told


@pytest.mark.parametrize("name", sorted(ANSWERING))
def test_a_verb_that_answers_can_accept_what_is_not_trusted(name: str):
    given = options(VERBS[name])
    assert {"--accept-untrusted", "--json", "--force", "--out"} <= set(given)


@pytest.mark.parametrize("name", VERBS)
def test_many_options_stand_in_panels(name: str):
    given = options(VERBS[name])
    panels = [getattr(option, "rich_help_panel", None) for option in given.values()]
    if len(given) > MANY:
        assert ADVANCED in panels
        assert panels.count(None) + panels.count("Options") <= MANY + 4, "too many for a first look"


@pytest.mark.parametrize("name", VERBS)
def test_each_verb_has_an_example_and_each_option_a_sentence(name: str):
    verb = VERBS[name]
    assert verb.help
    assert f"Example: argand {name}" in inspect.cleandoc(verb.help)
    for long, option in options(verb).items():
        assert option.help, long
        assert option.help.rstrip().endswith((".", ")")), (long, option.help)


POOR = re.compile(
    r"whose|no longer to be had|another seed|of ones own|is no \w|such as they|had best|to be had|asked again"
)


@pytest.mark.parametrize("name", VERBS)
def test_help_is_plain_english(name: str):
    verb = VERBS[name]
    told = [verb.help or "", *(option.help or "" for option in options(verb).values())]
    assert not [text for text in told if POOR.search(text.lower())]


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_presets_complete_in_the_shell(system: str):
    presets = set(importlib.import_module(SYSTEMS[system]).PRESETS)
    for verb in ("simulate", "train", "evaluate"):
        argument = next(
            (one for one in VERBS[f"{system} {verb}"].params if one.name in ("preset", "model")), None
        )
        if argument is not None and argument.param_type_name == "argument":
            offered = {item.value for item in argument.shell_complete(None, "")}  # pyright: ignore
            assert offered & presets, (system, verb)


@pytest.mark.parametrize(
    ("name", "long"),
    [
        (name, long)
        for name in VERBS
        for long in ("--time-limit", "--max-time")
        if long in options(VERBS[name])
    ],
)
def test_what_is_not_a_time_is_wrong_usage(name: str, long: str):
    needed = [one for one in VERBS[name].params if one.param_type_name == "argument" and one.required]
    result = CliRunner().invoke(
        build(SYSTEMS), [*name.split(), *("x" for _ in needed), long, "soon", "-o", "y"]
    )
    assert result.exit_code == 2
    assert "not a length of time" in result.stderr
