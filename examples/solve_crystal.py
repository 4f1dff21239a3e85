"""
A crystal structure from intensities
====================================

Solve a structure from measured intensities, list its atoms, and count its bonds.
"""

from pathlib import Path

import argand
from argand.physics.crystal.bond import bonds, covalent_radii, grown

data = Path(__file__).parent / "data" / "cod_2016452.hkl.gz"
cell = (9.748, 8.890, 7.566, 90, 112.74, 90)
answer = argand.load("patterson").solve_file(data, cell, "P 21/c", "C14H14O2")
print(f"trusted {answer.trusted}: {answer.reason}; {answer.attempts} attempts, {answer.seconds:.1f} s")

# %%
# Atoms of the asymmetric unit, in fractions of the cell.
for element, position in zip(answer.atoms.elements, answer.atoms.frac, strict=True):
    print(element, *(f"{value:8.4f}" for value in position))

# %%
# The molecule lies on a centre of inversion: half of it is in the asymmetric unit, the other half is
# bonded to it.
crystal, radii = answer.crystal, covalent_radii(answer.atoms.elements)
molecule = grown(answer.atoms.frac, radii, crystal.group, crystal.orthogonalisation)
pairs = bonds(molecule.cart, radii[molecule.source])
print(f"{len(molecule.cart)} atoms in the molecule, {len(pairs)} bonds")

# sphinx_gallery_thumbnail_path = 'figures/cod_2016452.png'
