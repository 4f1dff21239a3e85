"""
Beam centre of a diffraction image
==================================

The beam centre of a real image, and the geometry files that pyFAI and XDS need to use it.
"""

from pathlib import Path

import argand
from argand.io.poni import write_poni
from argand.io.xds import write_xds

image = Path(__file__).parent / "data" / "thau_3_2_0006.cbf.bz2"
answer = argand.load("geometry").predict(image)

# %%
# An answer that is not trusted has a reason, and its numbers are a best guess.
if answer.trusted:
    fast, slow = answer.beam_centre_px
    print(f"beam centre {fast:.2f}, {slow:.2f} px, each ± {answer.sigma_px:.2f}; by {answer.path}")
    print(f"header {answer.header_beam_centre_px}; tilt {answer.tilt_deg}")
    write_poni("thaumatin.poni", answer.geometry, answer.shape)
    write_xds("thaumatin.xds", answer.geometry, answer.shape)
else:
    print(f"not trusted: {answer.reason}")

# sphinx_gallery_thumbnail_path = 'figures/thaumatin.jpg'
