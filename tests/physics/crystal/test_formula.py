"""Formulas are written as chemists write them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argand.physics.crystal.atom import parse_formula
from argand.physics.crystal.formula import counts_of, formula_text, hill_text, reduced

USUAL = """
LiFePO4 SrTiO3 PbTiO3 BiFeO3 MgAl2O4 NaCl CaCO3 SiO2 Al2O3 Fe2O3 ZnS GaAs TiO2 KNbO3 CaF2 Cu2ZnSnS4
CuInSe2 CuFeS2 AgGaS2 Cs2AgBiBr6 CsPbI3 PbTe Bi2Te3 AuTe2 MoSi2 PtAs2 WC TiB2 FeSi SiC BN NaBH4 LiAlH4
NH3 NH4Cl H2O HNO3 H2SO4 KH2PO4 H3BO3 PH3 HCl CH4 C2H5NO2 C5H4 C CO2 CS2 KCN LaOF XeF2 LiH TlCl AgCl
CuSO4 PbSO4 BaPbO3 Nb3Sn LaNi5 Fe O2 N2 Cl2 Na2O2 H2O2 BaO2 Si NaHe2 Mg2Si Ba2YCu3O7
"""


@pytest.mark.parametrize("text", USUAL.split())
def test_a_usual_formula_is_written_as_it_is_known(text):
    """However the atoms are listed, and for any number of formula units."""
    units = {element: 3 * 2 * int(count) for element, count in parse_formula(text).items()}
    assert formula_text(units) == formula_text(dict(reversed(units.items()))) == text


@given(st.dictionaries(st.integers(1, 103), st.integers(1, 24), min_size=1, max_size=7), st.integers(1, 5))
def test_a_formula_says_what_is_there(given, times):
    """Counts come back from the text, and formula units times it make the cell."""
    species = np.repeat(list(given), [times * count for count in given.values()]).astype(np.uint8)
    counts = counts_of(species)
    unit, units = reduced(counts)
    assert {element: units * count for element, count in unit.items()} == counts
    assert parse_formula(formula_text(counts)) == parse_formula(hill_text(counts)) == unit


def test_the_order_of_electronegativity_is_that_of_pymatgen():
    """For what no exception is about; where values are alike any order serves."""
    core = pytest.importorskip("pymatgen.core")
    for first, second in (("Li", "Fe"), ("Sr", "Ti"), ("Fe", "Co"), ("P", "O"), ("Nb", "Sn"), ("Cl", "F")):
        assert core.Element(first).X < core.Element(second).X
        assert formula_text({second: 1, first: 2}) == f"{first}2{second}"


def test_the_formula_of_a_cif_is_in_the_order_of_hill():
    assert hill_text({"Li": 4, "Fe": 4, "P": 4, "O": 16}) == "Fe Li O4 P"
    assert hill_text({"O": 6, "H": 12, "C": 6, "N": 1}) == "C6 H12 N O6"
