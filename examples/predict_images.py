"""
Many images at once
===================

Answers to a list of images as a table of pandas; what cannot be answered has its place and its reason.
"""

from pathlib import Path

import numpy as np

import argand

image = Path(__file__).parent / "data" / "thau_3_2_0006.cbf.bz2"
noise = np.random.default_rng(0).poisson(5.0, (512, 512))  # an array without its wavelength fails
answers = argand.load("geometry").predict([image, noise])

# %%
table = answers.to_dataframe()
print(table[["trusted", "reason"]])

# %%
# Only the answers that are trusted:
for answer in answers.trusted:
    fast, slow = answer.beam_centre_px
    print(f"beam centre {fast:.2f}, {slow:.2f} px, each ± {answer.sigma_px:.2f} px")

# sphinx_gallery_thumbnail_path = 'figures/thaumatin.jpg'
