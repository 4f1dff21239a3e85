"""CIFs as the world has them: which symmetry sites have, what formula and Z say of it, and odd spellings."""

from pathlib import Path

import gemmi
import numpy as np
import pytest

from argand.errors import InputError
from argand.io.structure import read_many, read_structure, write_structure
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.structure import Structure

CUBIC = """_cell_length_a 8.0806(3)
_cell_length_b 8.0806(3)
_cell_length_c 8.0806(3)
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
"""
HEXAGONAL = "_cell_length_a 4.76\n_cell_length_b 4.76\n_cell_length_c 12.99\n_cell_angle_gamma 120\n"
RHOMBOHEDRAL = "".join(f"_cell_length_{axis} 5.1281\n" for axis in "abc") + "".join(
    f"_cell_angle_{angle} 55.29\n" for angle in ("alpha", "beta", "gamma")
)
NAMES = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")
SITES = "loop_\n" + "".join(f"_atom_site_{name}\n" for name in NAMES)
FORMULA = "_chemical_formula_sum 'Al2 Mg O4'\n_cell_formula_units_Z 8\n"
FIRST = "Mg1 Mg2+ 0 0 0 1\nAl1 Al3+ 0.625 0.625 0.625 1\nO1 O2- 0.3874(2) 0.3874(2) 0.3874(2) 1.0\n"
SECOND = "Mg1 Mg2+ 0.125 0.125 0.125 1\nAl1 Al3+ 0.5 0.5 0.5 1\nO1 O2- 0.2624(2) 0.2624(2) 0.2624(2) 1.0\n"
"""Spinel, MgAl2O4, by both origins of F d -3 m: 56 atoms in the cell."""
HEXAGONAL_SITES = "Al1 Al 0 0 0.3522 1\nO1 O 0.3063 0 0.25 1\n"
RHOMBOHEDRAL_SITES = "Al1 Al .3522 .3522 .3522 1\nO1 O 0.5563 -0.0563 0.25 1\n"
"""Corundum, 30 atoms on hexagonal axes and 10 on rhombohedral ones."""


def written(tmp_path: Path, symmetry: str, sites: str, formula: str = FORMULA, cell: str = CUBIC) -> Path:
    path = tmp_path / "a.cif"
    path.write_text(f"data_a\n{cell}{symmetry}{formula}{SITES}{sites}")
    return path


def read(path: Path) -> tuple[Structure, list[str]]:
    """The structure of a file and what is said of it; InputError where there is none."""
    notes: list[str] = []
    ((_, found),) = read_many(path, tell=notes.append)
    if isinstance(found, InputError):
        raise found
    return found, notes


def loop_of(tag: str, operators: list[str]) -> str:
    return f"loop_\n{tag}\n" + "".join(f"'{one}'\n" for one in operators)


def operators_of(name: str) -> list[str]:
    return [one.triplet() for one in gemmi.SpaceGroup(name).operations()]


@pytest.fixture(scope="module")
def spinel(tmp_path_factory: pytest.TempPathFactory) -> Structure:
    """By the operators of the second origin."""
    operators = loop_of("_space_group_symop_operation_xyz", operators_of("F d -3 m:2"))
    return read_structure(written(tmp_path_factory.mktemp("spinel"), operators, SECOND))


@pytest.mark.parametrize("sites", [FIRST, SECOND], ids=["first origin", "second origin"])
@pytest.mark.parametrize("formula", [FORMULA, ""], ids=["formula", "distances alone"])
@pytest.mark.parametrize(
    "symmetry",
    [
        "_space_group_IT_number 227",
        "_symmetry_Int_Tables_number '227'",
        "_symmetry_space_group_name_H-M 'F d -3 m'",
        "_space_group_name_H-M_alt ?\n_space_group_IT_number 227",
    ],
)
def test_the_origin_is_the_one_that_formula_or_distances_allow_and_is_told(
    tmp_path: Path, symmetry: str, formula: str, sites: str, spinel: Structure
):
    found, (note,) = read(written(tmp_path, symmetry + "\n", sites, formula))
    assert len(found) == 56
    assert found.formula == "MgAl2O4"
    assert f"F d -3 m:{1 if sites == FIRST else 2} is taken" in note
    if sites == SECOND:
        assert compare(found, spinel).is_exact


@pytest.mark.parametrize(
    ("symbol", "sites"),
    [
        ("F d -3 m S", FIRST),
        ("F d -3 m Z", SECOND),
        ("FD-3MZ", SECOND),
        ("F d -3 m :1", FIRST),
        ("Fd-3m:2", SECOND),
        ("F d -3 m O2", SECOND),
    ],
)
def test_origins_that_symbols_name_are_taken_without_a_word(tmp_path: Path, symbol: str, sites: str):
    found, notes = read(written(tmp_path, f"_symmetry_space_group_name_H-M '{symbol}'\n", sites))
    assert len(found) == 56
    assert notes == []


def test_an_origin_that_nothing_decides_is_asked_for(tmp_path: Path):
    far = "Mg1 Mg 0.10 0.23 0.07 1\n"
    path = written(tmp_path, "_space_group_IT_number 227\n", far, "", CUBIC.replace("8.0806", "60.0"))
    with pytest.raises(InputError, match="leaves open which symmetry its sites have"):
        read(path)


@pytest.mark.parametrize("setting", ["", " H", ":H", " R", ":R"])
@pytest.mark.parametrize(
    ("cell", "sites", "count"),
    [(HEXAGONAL, HEXAGONAL_SITES, 30), (RHOMBOHEDRAL, RHOMBOHEDRAL_SITES, 10)],
    ids=["hexagonal", "rhombohedral"],
)
def test_the_cell_tells_the_axes_of_rhombohedral_groups(
    tmp_path: Path, setting: str, cell: str, sites: str, count: int
):
    path = written(tmp_path, f"_symmetry_space_group_name_H-M 'R -3 c{setting}'\n", sites, "", cell)
    found, notes = read(path)
    assert len(found) == count
    assert found.formula == "Al2O3"
    own = "H" if count == 30 else "R"
    assert len(notes) == (setting != "" and setting[-1] != own)


@pytest.mark.parametrize("number", ["'167'", "167"])
def test_a_number_has_the_axes_of_the_cell(tmp_path: Path, number: str):
    for cell, sites, count in ((HEXAGONAL, HEXAGONAL_SITES, 30), (RHOMBOHEDRAL, RHOMBOHEDRAL_SITES, 10)):
        found, (note,) = read(written(tmp_path, f"_space_group_IT_number {number}\n", sites, "", cell))
        assert len(found) == count
        assert "by the number 167 alone" in note


def test_another_setting_of_a_number_is_taken_where_atoms_collide_in_the_standard_one(tmp_path: Path):
    cell = "_cell_length_a 9\n_cell_length_b 6\n_cell_length_c 9\n_cell_angle_beta 95\n"
    # The screw axis of P 1 21/c 1 brings carbon to (-0.1, 0.6, 0.4), that of P 1 21/a 1 to (0.4, 0.6, -0.1).
    sites = "C1 C 0.1 0.1 0.1 1\nO1 O -0.1 0.65 0.4 1\nO2 O 0.4 0.65 -0.1 1\n"
    found, (note,) = read(written(tmp_path, "_space_group_IT_number 14\n", sites, "", cell))
    assert "the setting P 1 21/n 1 is taken" in note
    assert len(found) == 12


@pytest.mark.parametrize(
    ("symmetry", "sites", "words"),
    [
        ("", SECOND, "its sites is missing"),
        ("_symmetry_space_group_name_H-M 'P 1'\n", SECOND, "formula and Z give Al16 Mg8 O32"),
        ("_symmetry_space_group_name_H-M 'F d -3 m Z'\n", FIRST, "are too close"),
        ("_symmetry_space_group_name_H-M 'F d -3 m Z'\n", SECOND.replace("0.125", "0.0"), "in this setting"),
        (loop_of("_symmetry_equiv_pos_as_xyz", ["x,y,z", "q,y,z"]), SECOND, "operator 'q,y,z' is not"),
        (loop_of("_symmetry_equiv_pos_as_xyz", ["x,y,z", "x,y,z+1/5"]), SECOND, "'x,y,z\\+1/5' is not"),
        (loop_of("_symmetry_equiv_pos_as_xyz", ["x,y,z", "x,x,z"]), SECOND, "is not a symmetry operator"),
        (loop_of("_symmetry_equiv_pos_as_xyz", ["x,y,z", "z,x,y"]), SECOND, "are no group"),
        ("_space_group_magn.name_BNS 'F d -3 m'\n", SECOND, "magnetic space group"),
        (loop_of("_space_group_symop_ssg_operation_algebraic", ["x1,x2,x3,x4"]), SECOND, "modulated"),
        ("_symmetry_space_group_name_H-M 'R -3 m'\n", SECOND, "not of R -3 m:R in this setting"),
        ("_symmetry_Int_Tables_number 300\n", SECOND, "space group '300' is unknown"),
        ("_space_group_IT_number many\n", SECOND, "space group 'many' is unknown"),
        ("_symmetry_space_group_name_H-M 'P 63 m c'\n", SECOND, "does not fit the cell"),
    ],
)
def test_what_lacks_its_symmetry_or_contradicts_itself_is_refused(
    tmp_path: Path, symmetry: str, sites: str, words: str
):
    with pytest.raises(InputError, match=words) as caught:
        read(written(tmp_path, symmetry, sites))
    assert "\n" not in str(caught.value)


def test_a_group_that_is_named_beside_the_identity_is_meant_where_the_formula_says_so(tmp_path: Path):
    identity = loop_of("_symmetry_equiv_pos_as_xyz", ["x, y, z"])
    named = "_symmetry_space_group_name_H-M 'F d -3 m :2'\n"
    found, (note,) = read(written(tmp_path, named + identity, SECOND))
    assert len(found) == 56
    assert "lists the identity alone" in note


def test_all_atoms_beside_the_name_of_their_group_are_read_as_they_are_listed(
    tmp_path: Path, spinel: Structure
):
    rows = zip(spinel.symbols, spinel.frac_coords.round(5), strict=True)
    sites = "".join(f"{symbol}1 {symbol} {x} {y} {z} 1\n" for symbol, (x, y, z) in rows)
    identity = loop_of("_symmetry_equiv_pos_as_xyz", ["x, y, z"])
    for symmetry in (identity, ""):
        named = symmetry + "_symmetry_space_group_name_H-M 'F d -3 m :2'\n"
        if symmetry:
            found, (note,) = read(written(tmp_path, named, sites))
            assert compare(found, spinel).is_exact
            assert "the identity is taken" in note
        else:
            with pytest.raises(InputError, match=r"exceed the largest|are too close"):
                read(written(tmp_path, named, sites))


def test_magnetic_operators_count_with_their_centrings_and_without_time(tmp_path: Path, spinel: Structure):
    group = gemmi.SpaceGroup("F d -3 m:2").operations()
    signed = [f"{one.triplet()},{'+-'[number % 2]}1" for number, one in enumerate(group.sym_ops)]
    centrings = ["x,y,z,+1", "x,y+1/2,z+1/2,+1", "x+1/2,y,z+1/2,-1", "x+1/2,y+1/2,z,-1"]
    symmetry = loop_of("_space_group_symop_magn_operation.xyz", signed)
    symmetry += loop_of("_space_group_symop_magn_centering.xyz", centrings)
    found, notes = read(written(tmp_path, symmetry + "_parent_space_group.name_H-M_alt 'P 1'\n", SECOND))
    assert compare(found, spinel).is_exact
    assert notes == []


def test_operators_with_large_letters_and_decimals_are_read(tmp_path: Path):
    texts = [
        text.upper().replace("1/3", "0.3333").replace("2/3", ".6667") for text in operators_of("R -3 c:H")
    ]
    found, _ = read(
        written(tmp_path, loop_of("_symmetry_equiv_pos_as_xyz", texts), HEXAGONAL_SITES, "", HEXAGONAL)
    )
    assert len(found) == 30


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("_cell_", "_cell.").replace("_atom_site_", "_atom_site."),
        lambda text: text.replace("_cell_length", "_Cell_Length").replace(
            "_atom_site_fract", "_ATOM_SITE_FRACT"
        ),
        lambda text: text.replace(" 0.5 0.5 0.5 ", " '0.5' '0.5' \"0.5\" ").replace(
            "8.0806(3)", "'8.0806(3)'"
        ),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace("_cell_angle_alpha 90", "_cell_angle_alpha ?"),
        lambda text: text.replace(" 1.0\n", " ?\n").replace("Mg2+ ", "Mg0+ "),
    ],
    ids=["CIF 2", "capitals", "quoted numbers", "old Mac", "right angles", "open occupancy"],
)
def test_spellings_that_mean_the_same_are_the_same(tmp_path: Path, change, spinel: Structure):
    path = written(tmp_path, "_symmetry_space_group_name_H-M 'F d -3 m Z'\n", SECOND)
    path.write_bytes(change(path.read_text()).encode())
    assert compare(read(path)[0], spinel).is_exact


def test_utf_16_is_read(tmp_path: Path):
    path = written(tmp_path, "_symmetry_space_group_name_H-M 'F d -3 m Z'\n", SECOND)
    path.write_bytes(path.read_text().encode("utf-16"))
    assert len(read(path)[0]) == 56


WATER = "O1 O 0 0 0 1\nH1 H 0.12 0.1 0 1\nH2 H ? ? ? 1\n"
SMALL = "_symmetry_space_group_name_H-M 'P 1'\n"


def test_hydrogen_without_a_place_and_dummies_are_left_out_and_told(tmp_path: Path):
    formula = "_chemical_formula_sum 'H2 O'\n_cell_formula_units_Z 1\n"
    found, notes = read(written(tmp_path, SMALL, WATER, formula))
    assert found.formula == "HO"
    assert "1 hydrogen sites without a position (H2)" in notes[0]
    assert "no positions for 1 of 2 hydrogen atoms" in notes[1]
    path = written(tmp_path, SMALL, "O1 O 0 0 0 d\nX1 . ? ? ? dum\n", "")
    path.write_text(path.read_text().replace("_atom_site_occupancy", "_atom_site_calc_flag"))
    found, notes = read(path)
    assert len(found) == 1
    assert "1 dummy atoms (X1)" in notes[0]


def test_what_the_model_lacks_of_the_formula_is_told_where_symmetry_is_known(tmp_path: Path):
    formula = "_chemical_formula_sum 'Al2 Mg O5 H2'\n_cell_formula_units_Z 8\n"
    operators = loop_of("_symmetry_equiv_pos_as_xyz", operators_of("F d -3 m:2"))
    found, (note,) = read(written(tmp_path, operators, SECOND, formula))
    assert len(found) == 56
    assert "has Al16 Mg8 O32 in the cell, but formula and Z give Al16 H16 Mg8 O40" in note


@pytest.mark.parametrize(
    ("labels", "formula", "expected"),
    [
        (("HO1", "HO2"), "H2 O", "H2O"),
        (("Ho1", "Ho2"), "", "Ho2O"),
        (("CA1", "CA2"), "Ca2 O", "Ca2O"),
        (("CA1", "CA2"), "C2 O", "C2O"),
        (("CA1", "CA2"), "", None),
        (("FE1", "FE2"), "", None),
        (("Ow1", "Ow2"), "", None),
    ],
)
def test_labels_without_type_symbols_are_of_elements_that_the_formula_has(
    tmp_path: Path, labels: tuple[str, str], formula: str, expected: str | None
):
    sites = f"O1 0 0 0 1\n{labels[0]} 0.3 0.1 0 1\n{labels[1]} -.3 .1 0 1\n"
    told = f"_chemical_formula_sum '{formula}'\n_cell_formula_units_Z 1\n" if formula else ""
    path = written(tmp_path, SMALL, sites, told)
    path.write_text(path.read_text().replace("_atom_site_type_symbol\n", ""))
    if expected is None:
        with pytest.raises(InputError, match=r"may be|unknown element"):
            read(path)
    else:
        assert read(path)[0].formula == expected


def test_too_much_on_one_site_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="occupied by 16; an occupancy is at most 1"):
        read(written(tmp_path, SMALL, "O1 O 0 0 0 16\n", ""))


def test_few_digits_are_put_onto_the_special_position_they_mean(tmp_path: Path):
    symmetry = "_symmetry_space_group_name_H-M 'P 63/m m c'\n"
    found, _ = read(written(tmp_path, symmetry, "Mg1 Mg 0.333 0.667 0.25 1\n", "", HEXAGONAL))
    assert len(found) == 2
    np.testing.assert_allclose(found.frac_coords[0], [1 / 3, 2 / 3, 0.25], atol=1e-9)


@pytest.mark.parametrize(
    "symmetry",
    [
        "_symmetry_space_group_name_H-M 'P 1'\n_symmetry_Int_Tables_number 227\n",
        "_space_group_name_Hall 'P 1'\n_symmetry_space_group_name_H-M 'F d -3 m:2'\n",
    ],
)
def test_of_names_that_contradict_each_other_the_one_that_agrees_with_the_formula_is_taken(
    tmp_path: Path, symmetry: str, spinel: Structure
):
    found, (note,) = read(written(tmp_path, symmetry, SECOND))
    assert compare(found, spinel).is_exact
    assert "names the space groups" in note
    assert "F d -3 m:2 is taken" in note


def test_a_symbol_counts_where_other_tags_say_nothing(tmp_path: Path):
    symmetry = "_space_group_name_H-M_alt ?\n_symmetry_space_group_name_H-M 'F d -3 m:2'\n"
    found, notes = read(written(tmp_path, symmetry + "_space_group_name_Hall nonsense\n", SECOND))
    assert len(found) == 56
    assert notes == []


def test_the_first_of_several_structures_is_taken_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = written(tmp_path, SMALL, "O1 O 0 0 0 1\n", "")
    path.write_text(path.read_text() + path.read_text().replace("data_a", "data_b").replace(" O 0", " S 0"))
    assert read_structure(path).formula == "O"
    assert "holds several structures; a-a, the first, is taken" in caplog.text


def test_a_damaged_block_or_a_name_that_is_there_twice_ends_no_other(tmp_path: Path):
    path = written(tmp_path, SMALL, "O1 O 0 0 0 1\n", "")
    good = path.read_text()
    path.write_text(good + good.replace("O1 O 0", "O1 0") + good)
    found = list(read_many(path))
    assert [name for name, _ in found] == ["a-a"] * 3
    assert [isinstance(one, Structure) for _, one in found] == [True, False, True]
    assert "not a CIF that can be read" in str(found[1][1])


@pytest.mark.parametrize("symprec", [None, 0.01])
def test_a_formula_of_the_whole_cell_beside_z_is_no_contradiction(
    tmp_path: Path, spinel: Structure, symprec: float | None
):
    cif = pytest.importorskip("pymatgen.io.cif")
    core = pytest.importorskip("pymatgen.core")
    source = core.Structure(spinel.lattice, spinel.symbols, spinel.frac_coords)
    cif.CifWriter(source, symprec=symprec).write_file(tmp_path / "a.cif")
    text = (tmp_path / "a.cif").read_text()
    assert "'Mg8 Al16 O32'" in text
    assert "_cell_formula_units_Z   8" in text
    found, notes = read(tmp_path / "a.cif")
    assert len(found) == 56
    assert notes == []


def test_a_molecule_alone_is_not_taken_for_the_cell_because_z_divides_its_formula(tmp_path: Path):
    formula = "_chemical_formula_sum 'C4 O4'\n_cell_formula_units_Z 4\n"
    places = [(0.1, 0.1), (0.3, 0.1), (0.3, 0.3), (0.1, 0.3)]
    sites = "".join(f"C{x}{y} C {x} {y} 0.1 1\nO{x}{y} O {x} {y} 0.3 1\n" for x, y in places)
    with pytest.raises(InputError, match="has C4 O4 in the cell, but formula and Z give C16 O16"):
        read(written(tmp_path, "", sites, formula, CUBIC.replace("8.0806", "7.1")))


def test_no_symmetry_at_all_is_told(tmp_path: Path):
    found, (note,) = read(written(tmp_path, "", "O1 O 0 0 0 1\n", ""))
    assert len(found) == 1
    assert "states no symmetry and is read as P 1" in note


def test_hydrogen_alone_is_counted_as_any_element(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    places = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0, 0], [0, 0.5, 0.5]])
    write_structure(tmp_path / "hydrogen.cif", Structure(4.0 * np.eye(3), np.ones(4, np.uint8), places))
    assert len(read_structure(tmp_path / "hydrogen.cif")) == 4
    assert not caplog.records
