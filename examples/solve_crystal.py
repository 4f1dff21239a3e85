"""A crystal structure from measured intensities: solve it, list its atoms, measure its bonds.

python examples/solve_crystal.py
"""

from pathlib import Path

import argand
from argand.physics.crystal.bond import bonds, covalent_radii, grown

data = Path(__file__).parent / "data" / "cod_2016452.hkl.gz"
cell = (9.748, 8.890, 7.566, 90, 112.74, 90)
answer = argand.load("patterson").solve_file(data, cell, "P 21/c", "C14H14O2")
print(f"trusted {answer.trusted}: {answer.reason}; {answer.attempts} attempts, {answer.seconds:.1f} s")
for element, place in zip(answer.atoms.elements, answer.atoms.frac, strict=True):
    print(element, *(f"{value:8.4f}" for value in place))

# Half of the molecule is listed; its other half is bonded to it.
crystal, radii = answer.crystal, covalent_radii(answer.atoms.elements)
molecule = grown(answer.atoms.frac, radii, crystal.group, crystal.orthogonalisation)
pairs = bonds(molecule.cart, radii[molecule.source])
print(f"{len(molecule.cart)} atoms in the molecule, {len(pairs)} bonds")
