"""
Simulated stills and their truth
================================

Simulate diffraction images of which the geometry is known, and compare the answers with the truth.
"""

import matplotlib.pyplot as plt
import numpy as np

import argand
from argand.systems.geometry import PRESETS

system = PRESETS["standard"]
predictor = argand.load("geometry")

# %%
# Where the evidence does not suffice there is no answer, but a reason: the last of these images is one.
for index in range(4):
    still = system.simulate(index, seed=1)
    image = np.where(still["live"] > 0.99, still["image"], -1)  # negative counts are masked
    answer = predictor.predict(
        image,
        wavelength=float(still["wavelength"]),
        distance_mm=float(still["distance_mm"]),
        pixel_size_mm=float(still["pixel_size_mm"][0]),
    )
    truth = "({:.2f}, {:.2f})".format(*still["beam_centre_px"])
    if answer.trusted:
        error = np.hypot(*(answer.beam_centre_px - still["beam_centre_px"]))
        print(f"still {index}: beam centre {truth} px, found with an error of {error:.2f} px")
    else:
        print(f"still {index}: beam centre {truth} px, not trusted: {answer.reason}")

# %%
# The last image, with its true beam centre.
plt.imshow(np.log1p(still["image"]), cmap="gray_r")
plt.plot(*still["beam_centre_px"], "+", color="tab:blue", markersize=20)
plt.axis("off")
