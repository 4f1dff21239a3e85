"""
A fibril from its diffraction pattern
=====================================

Shape, chains and twist of cellulose fibrils from two patterns of the sample that comes with argand.
"""

import matplotlib.pyplot as plt

import argand
from argand.systems import molmnist
from argand.systems.molmnist import FIBRILS

pairs = molmnist.load("sample")  # a torch Dataset; `arrays` gives all pairs at once
patterns, shapes = pairs.arrays("pattern"), pairs.arrays("shape")
predictor = argand.load("molmnist")

# %%
# A pattern shows by how much the two ends are rotated against each other; with the length that is a twist.
answers = {}
for number in (11, 13):
    answer = predictor.predict(patterns[number], pairs.mask, window_side=200.0, length=207.6)
    truth = FIBRILS[pairs.arrays("fibril")[number]]
    twist = pairs.arrays("twist_deg_per_nm")[number]
    print(f"pattern {number}: found {answer.fibril}, {answer.chains:.0f} chains; truth {truth}")
    print(f"  twist {answer.twist_deg_per_nm:.2f} ± {answer.twist_sd_deg_per_nm:.2f} °/nm, truth {twist:.2f}")
    print(f"  {answer.shape.sum():.0f} electrons in the shape, {shapes[number].sum()} in the true one")
    print(f"  trusted {answer.trusted}: {answer.reason}")
    answers[number] = answer

# %%
# The shapes that were found, above the true ones. The orientation about the beam is found too.
figure, axes = plt.subplots(2, 2, figsize=(6, 6))
for column, (number, answer) in zip(axes.T, answers.items(), strict=True):
    for axis, shape, title in zip(column, (answer.shape, shapes[number]), ("found", "truth"), strict=True):
        axis.imshow(shape[50:150, 50:150], cmap="magma")
        axis.set_title(f"{title}, pattern {number}")
        axis.set_axis_off()
