"""Damaged, lying and hostile files of reflections end in one line, soon, and in little memory."""

import contextlib
import gzip
import struct
import time
import tracemalloc

import gemmi
import numpy as np
import pytest
from reflection_texts import CARDS, CELL, INS, fixed, reflections

from argand.errors import ConfigError, InputError
from argand.io import limits, text_size
from argand.io.cell_errors import stated_cell_errors
from argand.io.cif_document import parsed_cif, read_document
from argand.io.hklf import parse_hklf
from argand.io.mtz_reflections import parse_mtz
from argand.io.reflections import parse_cell, read_reflections
from argand.io.shelx import read_instructions
from argand.io.text_size import decoded, lines_of
from argand.physics.crystal.atom import parse_formula
from argand.physics.crystal.symmetry import complete_group

HKL, VALUE, SIGMA = reflections()
TEXT = fixed(HKL, VALUE, SIGMA)


def refused(path, content: str | bytes, match: str) -> None:
    """Write and read a file that cannot be used, whose message is one line with the file's name."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=match) as told:
        read_reflections(path)
    assert "\n" not in str(told.value)
    assert path.stem in str(told.value)


def test_more_lines_than_are_read_are_refused(monkeypatch):
    monkeypatch.setattr(text_size, "MOST_LINES", 3)
    assert lines_of("a\nb\fc\nd\n", "x") == ["a", "b\fc", "d"]
    with pytest.raises(InputError, match="declares 4 lines"):
        lines_of("\n" * 4, "x")


def test_many_reflections_are_refused_whatever_their_form(tmp_path, monkeypatch):
    for module in ("hklf", "free_columns", "cif_reflections", "jana", "xds_intensities", "mtz_reflections"):
        monkeypatch.setattr(f"argand.io.{module}.MOST_REFLECTIONS", 50)
    loop = "data_a\nloop_\n" + "".join(f"_refln_index_{one}\n" for one in "hkl")
    rows = "".join(f"{h} {k} {el} {i:.2f}\n" for (h, k, el), i in zip(HKL.tolist(), VALUE, strict=True))
    for name, text in {
        "a.hkl": TEXT,
        "b.hkl": f"h k l I\n{rows}",
        "c.cif": f"{loop}_refln_F_squared_meas\n{rows}",
        "d.m90": "".join(f"{line} 1\n" for line in rows.splitlines()),
    }.items():
        refused(tmp_path / name, text, r"reflections; argand reads at most 50")


def test_a_list_of_reflections_takes_little_more_memory_than_its_numbers():
    lines = 100_000
    text = "   1   2   3   12.50    1.00\n" * lines
    assert len(parse_hklf(text, "warm").hkl) == lines
    tracemalloc.start()
    parse_hklf(text, "x")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The lines as Python's strings take 85 bytes each, their numbers 48.
    assert peak < 400 * lines


def test_aligned_columns_are_read_as_line_by_line():
    batch = (np.arange(len(HKL)) % 3).tolist()
    for text in (TEXT, fixed(HKL, VALUE, SIGMA, batch)):
        # One line of another length sends all of them the slow way.
        slow = parse_hklf(text.replace("\n", " \n", 1), "x")
        fast = parse_hklf(text, "x")
        np.testing.assert_array_equal(fast.hkl, slow.hkl)
        np.testing.assert_array_equal(fast.intensity, slow.intensity)
        assert fast.notes == slow.notes


@pytest.mark.parametrize("pack", [gzip.compress, lambda blob: blob])
def test_a_text_beyond_the_limit_is_not_unpacked(tmp_path, monkeypatch, pack):
    monkeypatch.setattr("argand.io.reflections.MOST_TEXT_BYTES", 1000)
    refused(tmp_path / "a.hkl", pack(TEXT.encode()), "more than the 1,000 bytes")


def test_words_of_a_cif_are_counted_before_gemmi_keeps_them(monkeypatch):
    monkeypatch.setattr(text_size, "MOST_WORDS", 4)
    with pytest.raises(InputError, match=r"declares 6 words"):
        parsed_cif("data_a  loop_\t_a\n 1 2 3", "x")
    # 1 2 3 stand without a loop; their number is what is allowed.
    assert len(parsed_cif("data_a _b 'x'     ", "x")) == 1


def test_large_texts_take_one_byte_a_letter(monkeypatch):
    assert decoded("σ".encode()) == "σ"
    monkeypatch.setattr(text_size, "_LARGE", 4)
    assert decoded("σ 1 2 3".encode()).endswith("1 2 3")
    assert len(decoded("σ 1 2 3".encode())) == 8


@pytest.mark.parametrize(
    "text",
    [
        "#\n \n" * 40_000,
        "\n \n" * 40_000 + "x",
        "CELL 0.7 " + "=!" * 200_000,
        "(" * 200_000 + "\n",
        "1" * 200_000,
        "' " * 200_000,
    ],
)
@pytest.mark.parametrize("name", ["a.hkl", "a.cif", "a.m90", "a.ins", "a.m50", "a.p4p"])
def test_no_text_takes_long(tmp_path, text, name):
    (tmp_path / "a.hkl").write_text(TEXT)
    (tmp_path / name).write_text(text)
    begun = time.perf_counter()
    with contextlib.suppress(InputError):
        read_reflections(tmp_path / "a.hkl" if name in ("a.m50", "a.p4p") else tmp_path / name)
    assert time.perf_counter() - begun < 5


def test_repairs_of_a_large_cif_end_soon(monkeypatch):
    monkeypatch.setattr("argand.io.cif_document._REPAIRED", 3000)
    text = "data_a\n" + "_b\n" * 400
    with pytest.raises(InputError, match="is no CIF"):
        read_document(text, "x")


@pytest.mark.parametrize(
    ("cards", "match"),
    [
        (CARDS.replace("LATT 1", "LATT 99"), r"LATT 99 is not a lattice"),
        (CARDS.replace("-X, 0.5+Y, 0.5-Z", "X, X, X"), "no symmetry operator"),
        (CARDS.replace("-X, 0.5+Y, 0.5-Z", "X+Y, Y, Z"), "make no group"),
        (CARDS + "SFAC C H\nUNIT 1e9 nan\n", "UNIT counts atoms that no cell can hold"),
        (CARDS + "HKLF inf\n", "not an HKLF card"),
    ],
)
def test_instructions_that_cannot_be_are_refused(tmp_path, cards, match):
    (tmp_path / "a.ins").write_text(cards)
    refused(tmp_path / "a.hkl", TEXT, match)


def test_a_continued_card_is_one_and_a_remark_continues_none():
    found = read_instructions("TITL x\nCELL 0.7 5 6 = ! rest\n 7 90 90 90\nREM ! a =\nLATT -1\n")
    assert found.cell == (5, 6, 7, 90, 90, 90)
    assert found.group is not None
    assert found.group.order == 1


def test_operators_are_completed_to_their_group():
    assert len(list(complete_group([gemmi.Op("-x,y,z")]))) == 2
    assert len(list(complete_group([gemmi.Op("x,y,z")] * 3))) == 1
    with pytest.raises(ValueError, match="of no space group"):
        complete_group([gemmi.Op("x,y,z")] * 2000)


@pytest.mark.parametrize(
    "text", ["nan,5,5,90,90,90", "5,nan,5,90,90,90", "5,5,5,90,nan,90", "5,5,inf,90,90,90"]
)
def test_cells_of_no_numbers_are_refused(text):
    with pytest.raises(InputError, match="is not a cell"):
        parse_cell(text)


def test_angles_that_close_no_cell_are_refused():
    assert parse_cell("5,5,5,60,60,60") == (5, 5, 5, 60, 60, 60)
    with pytest.raises(InputError, match="contradict each other"):
        parse_cell("5,5,5,30,30,120")


@pytest.mark.parametrize("text", ["C.", "C0", "C" + "9" * 400, "C9999999", "C1e9"])
def test_formulas_of_no_number_of_atoms_are_refused(text):
    with pytest.raises(ConfigError, match="formula"):
        parse_formula(text)
    assert parse_formula("C2 H0 O.5") == {"C": 2, "O": 0.5}


def test_equal_intensities_are_refused(tmp_path):
    refused(tmp_path / "a.hkl", fixed(HKL, 0 * VALUE + 7, SIGMA), "all intensities are equal")


@pytest.mark.parametrize("wave", ["0", "-1", "nan", "1e9"])
def test_a_wavelength_that_cannot_be_is_left_out(tmp_path, wave):
    (tmp_path / "a.hkl").write_text(TEXT)
    (tmp_path / "a.ins").write_text(INS.replace("0.71073", wave))
    found = read_reflections(tmp_path / "a.hkl")
    assert (found.wavelength, found.radiation) == (None, None)
    assert any("wavelength" in note for note in found.notes)


def test_errors_of_a_cell_with_endless_digits_are_none(tmp_path):
    tags = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    digits = "9" * 4000
    (tmp_path / "a.cif").write_text("data_a\n" + "".join(f"_cell_{tag} 5({digits})\n" for tag in tags))
    assert stated_cell_errors(str(tmp_path / "a.cif")) is None


def mtz() -> bytearray:
    made = gemmi.Mtz(with_base=True)
    made.spacegroup = gemmi.SpaceGroup("P 1 21/c 1")
    made.set_cell_for_all(gemmi.UnitCell(*CELL))
    made.add_dataset("x")
    made.add_column("I", "J")
    made.add_column("S", "Q")
    made.set_data(np.column_stack([HKL, VALUE, SIGMA]).astype(np.float32))
    return bytearray(made.write_to_bytes())


def test_mtz_is_read_as_gemmi_reads_it(tmp_path):
    (tmp_path / "a.mtz").write_bytes(mtz())
    found, theirs = read_reflections(tmp_path / "a.mtz"), gemmi.read_mtz_file(str(tmp_path / "a.mtz"))
    np.testing.assert_array_equal(found.hkl, theirs.array[:, :3])
    np.testing.assert_allclose(found.sigma, theirs.array[:, 4])
    assert found.cell == pytest.approx(theirs.cell.parameters)
    assert found.spacegroup == theirs.spacegroup.xhm()
    assert found.group is not None
    assert found.group.order == 4


def test_mtz_of_the_other_byte_order_is_read():
    blob = mtz()
    start = struct.unpack_from("<i", blob, 4)[0]
    end = (start - 1) * 4
    swapped = np.frombuffer(bytes(blob[80:end]), "<f4").astype(">f4").tobytes()
    other = (
        bytes(blob[:4])
        + struct.pack(">i", start)
        + b"\x11\x11"
        + bytes(blob[10:80])
        + swapped
        + bytes(blob[end:])
    )
    np.testing.assert_array_equal(parse_mtz(other, "x").values, parse_mtz(bytes(blob), "y").values)


@pytest.mark.parametrize("place", [0, -2, 1, 19, 10**6, 2**31 - 1, -(2**31)])
def test_an_mtz_header_beyond_the_file_is_refused(tmp_path, place):
    blob = mtz()
    struct.pack_into("<i", blob, 4, place)
    refused(tmp_path / "a.mtz", bytes(blob), "header is not where it says|tells no sizes")


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        (b"NCOL        5           60", b"NCOL        5      9999999", "reads at most 4,000,000"),
        (b"NCOL        5           60", b"NCOL        5          999", "shorter than 999 reflections"),
        (b"NCOL        5           60", b"NCOL       99           60", "99 columns with 5 names"),
        (b"NCOL        5           60", b"NCOL       -5           60", "tells no sizes"),
        (b"NCOL        5           60", b"NCOX        5           60", "tells no sizes"),
    ],
)
def test_an_mtz_header_that_lies_is_refused(tmp_path, old, new, match):
    blob = bytes(mtz())
    assert blob.count(old) == 1
    refused(tmp_path / "a.mtz", blob.replace(old, new), match)


def test_no_damage_to_an_mtz_ends_the_process(tmp_path):
    whole, rng = bytes(mtz()), np.random.default_rng(0)
    for _ in range(200):
        blob = bytearray(whole)
        for at in rng.integers(0, len(blob), 4):
            blob[at] = rng.integers(256)
        struct.pack_into(
            "<i", blob, 4 * int(rng.integers(1, 12)), int(rng.choice([-1, 0, 2**31 - 1, 10**9, 40]))
        )
        (tmp_path / "a.mtz").write_bytes(bytes(blob[: rng.integers(len(blob))]))
        with contextlib.suppress(InputError):
            read_reflections(tmp_path / "a.mtz")


def test_limits_are_those_of_honest_files():
    assert limits.MOST_REFLECTIONS >= 4_000_000
    assert text_size.MOST_LINES >= limits.MOST_REFLECTIONS
