"""
Crystal structures as vectors
=============================

A structure is encoded as a vector and decoded again; then structures between two perovskites are made.
"""

from pathlib import Path

from argand.io.structure import read_structure
from argand.physics.crystal.comparison import compare
from argand.systems.crystals.latent.decoding import encode_verified
from argand.systems.crystals.latent.interpolation import interpolate
from argand.systems.crystals.latent.representation import Representation

data = Path(__file__).parent / "data" / "crystals"
representation = Representation()

# %%
# The decoder sees the vector alone. What it finds is compared with the structure that was encoded.
structure = read_structure(data / "LiFePO4_mp-19017.cif")
latent, decoded = encode_verified(representation, structure)
found = compare(decoded.structure, structure)
print(f"{structure.formula}: {len(structure)} atoms in {len(latent)} numbers")
print(f"confidence {decoded.confidence:.3f}, misfit {decoded.misfit:.1e}")
print(f"found {found.found} atoms, {found.species_right} species right, within {found.rms_distance:.1e} Å")

# %%
# Linear interpolation between the vectors of two structures, decoded at five steps.
ends = [read_structure(data / name) for name in ("SrTiO3_mp-5229.cif", "PbTiO3_mp-20459.cif")]
for step in interpolate(representation, *ends, steps=5):
    print(f"{step.structure.formula}: cell {step.structure.volume:.1f} Å³, confidence {step.confidence:.2f}")

# sphinx_gallery_thumbnail_path = 'figures/crystals.png'
