"""
Atoms from Patterson maps
=========================

Simulate the Patterson maps of ten equal atoms, which know distances between atoms and no phases, and
find the atoms.
"""

import argand
from argand.systems.patterson.maps.atom_matching import match_atoms
from argand.systems.patterson.simulate import AtomSet, simulate_batch

maps = simulate_batch(AtomSet(atoms=10, noise=(0.05, 0.05)), range(2), seed=1)
predictor = argand.load("patterson")
for number, patterson in enumerate(maps.patterson.numpy()):
    answer = predictor.predict(patterson, atoms=10)
    print(f"map {number}: trusted {answer.trusted}, found by {answer.path}: {answer.reason}")

# %%
# A Patterson map is the same for an arrangement, its inverse, and all shifts: true atoms are matched up to
# these.
found = predictor.solve(maps.patterson)
distance = match_atoms(found.positions, maps.positions.float()).distance
print(f"largest error of an atom: {distance.max():.3f} voxels")

# sphinx_gallery_thumbnail_path = 'figures/patterson-10.png'
