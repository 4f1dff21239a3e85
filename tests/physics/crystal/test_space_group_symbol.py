"""Symbols of space groups in many spellings mean the group that the International Tables mean."""

import gemmi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argand.errors import ConfigError
from argand.physics.crystal.space_group_symbol import find_operations, setting_note
from argand.physics.crystal.symmetry import Group

TABLE = list(gemmi.spacegroup_table())
HEXAGONAL, RHOMBOHEDRAL = (7.0, 7.0, 9.0, 90.0, 90.0, 120.0), (7.0, 7.0, 7.0, 80.0, 80.0, 80.0)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *(
            (typed, "P 1 21/c 1")
            for typed in ("P2(1)/c", "P2_1/c", "P21/c", "p 21/c", "P 1 21/c 1", "-P 2ybc", "14")
        ),
        *((typed, "P 1 21/c 1") for typed in ("P 2 1/c", "'P 21/c'", "P2₁/c", "P 1 2(1)/c 1", "P  21 / c")),
        *((typed, "P 21 21 21") for typed in ("P2(1)2(1)2(1)", "P2_12_12_1", "p212121", "P 2ac 2ab", "19")),
        *((typed, "P -1") for typed in ("P-1", "P1̄", "p −1", "-P 1", "2")),
        *((typed, "I 41/a:1") for typed in ("I41/a", "I4(1)/a", "I 41/a:1")),
        *((typed, "I 41/a:2") for typed in ("I41/a:2", "-I 4ad")),
        *((typed, "R -3 c:H") for typed in ("R-3c", "R -3 c H", "R3̄c", '-R 3 2"c')),
        ("R -3 c :R", "R -3 c:R"),
        ("P 4 3 2", "P 4 3 2"),
        ("P 2 2 2", "P 2 2 2"),
        ("Pca2(1)", "P c a 21"),
        ("P6(3)/m", "P 63/m"),
    ],
)
def test_spellings(typed, meant):
    assert find_operations(typed)[1] == meant
    assert Group.from_name(typed).name == meant


@given(st.sampled_from(TABLE), st.booleans())
def test_every_symbol_of_the_tables_is_read(group, tight):
    typed = group.xhm().replace(" ", "") if tight else group.xhm()
    assert set(find_operations(typed)[0]) == set(group.operations())


@given(st.sampled_from(TABLE))
def test_every_hall_symbol_gives_its_operators(group):
    if gemmi.find_spacegroup_by_name(group.hall) is None:
        assert set(find_operations(group.hall)[0]) == set(group.operations())


def test_the_cell_chooses_the_axes_of_a_rhombohedral_group():
    assert Group.from_name("R-3c", HEXAGONAL).name == "R -3 c:H"
    assert Group.from_name("R-3c", RHOMBOHEDRAL).name == "R -3 c:R"
    assert Group.from_name("R-3c:H", RHOMBOHEDRAL).name == "R -3 c:H"


def test_a_choice_that_the_symbol_leaves_open_is_told():
    assert "'I 41/a:2' for the other" in (setting_note("I41/a", "I 41/a:1") or "")
    assert "'R -3 c:R' for the other" in (setting_note("R-3c", "R -3 c:H") or "")
    for typed in ("I 41/a:1", "I41/a:2", "R -3 c:H", "R-3c H", "P 21/c", "-I 4ad"):
        assert setting_note(typed, find_operations(typed)[1]) is None


@pytest.mark.parametrize("typed", ["P 99", "foo", "", "0", "231", "-7", "P 21c", "P21/q"])
def test_what_is_no_symbol_is_told_in_one_line_with_an_example(typed):
    with pytest.raises(ConfigError, match="write it like") as caught:
        find_operations(typed)
    assert "\n" not in str(caught.value)


def test_a_symbol_that_is_nearly_right_is_guessed():
    with pytest.raises(ConfigError, match="is it 'P 1 21/c 1'"):
        find_operations("P 1 21/c")


@pytest.mark.parametrize(
    "name", ["P 21", "A 1 2/n 1", "B 1 1 2", "C 2/c", "I 41/a:1", "F d d d:2", "R 3:H", "R 3:R"]
)
def test_centring_letters_are_those_of_the_symbols(name):
    group = Group.from_name(name)
    assert group.centring_letter == ("P" if name == "R 3:R" else name[0])
    assert (
        len(group.centrings)
        == {"P": 1, "A": 2, "B": 2, "C": 2, "I": 2, "F": 4, "R": 3}[group.centring_letter]
    )
    assert np.allclose(group.centrings[0], 0)
