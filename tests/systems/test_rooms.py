"""The plan that all four systems share: who knows one finds the same names, and the same in them, in each."""

from pathlib import Path

import pytest

from argand.system import SYSTEMS, System, system_module

ROOM = {"__init__.py", "README.md"} | {
    f"{name}.py"
    for name in (
        "card",
        "cli",
        "evaluate",
        "loss",
        "network",
        "predict",
        "presets",
        "simulate",
        "system",
        "view",
    )
}
"""What stands at the top of each system's folder, and nothing else does but folders."""

OFFERED = (
    ("card", "keep_figures"),
    ("cli", "app"),
    ("predict", "load"),
    ("predict", "Predictor"),
    ("predict", "selftest"),
    ("presets", "PRESETS"),
    ("view", "write_page"),
)
"""Names that the same module of each system must offer."""


@pytest.fixture(params=list(SYSTEMS))
def room(request: pytest.FixtureRequest) -> Path:
    """Folder of each system in turn."""
    file = system_module(request.param).__file__
    assert file is not None
    return Path(file).parent


def test_the_top_of_a_system_holds_the_agreed_names_and_folders_alone(room: Path):
    files = {path.name for path in room.iterdir() if path.is_file()}
    assert files == ROOM


def test_every_folder_of_a_system_says_in_a_line_what_it_holds(room: Path):
    folders = [path for path in room.iterdir() if path.is_dir() and path.name not in ("__pycache__", "data")]
    assert folders
    for folder in folders:
        assert (folder / "__init__.py").read_text(encoding="utf-8").startswith('"""'), folder.name


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize(("module", "attribute"), OFFERED)
def test_a_module_of_one_name_offers_the_same_in_each(name: str, module: str, attribute: str):
    from importlib import import_module

    assert hasattr(import_module(f"{SYSTEMS[name]}.{module}"), attribute)


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_system_is_what_its_module_says(name: str):
    module = system_module(name)
    assert all(isinstance(preset, System) for preset in module.PRESETS.values())
    assert module.SYSTEM.__module__ == f"{SYSTEMS[name]}.system"
