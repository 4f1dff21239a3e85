"""Each package says what it offers, and can be explored in Python without its files."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import argand

PACKAGES = sorted(found.name for found in pkgutil.walk_packages(argand.__path__, "argand.") if found.ispkg)


@pytest.mark.parametrize("name", ["argand", *PACKAGES])
def test_a_package_names_what_it_offers(name: str):
    package = importlib.import_module(name)
    assert package.__doc__
    assert package.__all__, "an empty package"
    assert set(package.__all__) <= set(dir(package))
    for one in package.__all__:
        assert getattr(package, one) is not None
    with pytest.raises(AttributeError, match="nothing_of_this_name"):
        package.nothing_of_this_name  # noqa: B018


def test_exploring_a_package_imports_nothing_heavy():
    code = (
        "import argand, argand.io, argand.physics, argand.systems.geometry as g, sys; dir(argand.io), dir(g)"
    )
    code += "; print(sorted({'torch', 'scipy', 'numpy'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
