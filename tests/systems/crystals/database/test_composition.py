"""Compositions whose charges sum to zero."""

import sys

import numpy as np
import pytest

from argand.errors import MissingExtraError
from argand.physics.crystal.structure import Structure
from argand.systems.crystals.database.composition import is_composition_valid


def of(*species: int) -> Structure:
    """Atoms of these numbers in a row."""
    places = np.column_stack([np.arange(len(species)) / len(species)] + [np.zeros(len(species))] * 2)
    return Structure(3.0 * len(species) * np.eye(3), np.array(species, np.uint8), places)


def test_salts_balance_and_a_salt_with_one_atom_too_few_does_not():
    pytest.importorskip("smact")
    assert is_composition_valid(of(11, 17))
    assert not is_composition_valid(of(11, 11, 17))
    # More elements than are asked, which would take hours.
    assert not is_composition_valid(of(*range(3, 12)))


def test_charges_need_smact(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "smact.screening", None)
    with pytest.raises(MissingExtraError, match="smact"):
        is_composition_valid(of(11, 17))
