"""Simulate stills with known geometry and compare the answers with the truth."""

import numpy as np

import argand
from argand.systems.geometry import PRESETS

system = PRESETS["standard"]
predictor = argand.load("geometry")

for index in range(2):
    still = system.simulate(index, seed=1)
    image = np.where(still["live"] > 0.99, still["image"], -1)  # negative counts are masked
    answer = predictor.predict(
        image,
        wavelength=float(still["wavelength"]),
        distance_mm=float(still["distance_mm"]),
        pixel_size_mm=float(still["pixel_size_mm"][0]),
    )
    print(f"still {index}: truth {still['beam_centre_px'].round(2)}, found {answer.beam_centre_px}")
