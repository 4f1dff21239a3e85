"""The shape, chains and twist of a fibril from its diffraction pattern: a few of the sample that is shipped.

python examples/molmnist.py
"""

import argand
from argand.systems import molmnist
from argand.systems.molmnist import FIBRILS

pairs = molmnist.load("sample")  # a torch Dataset; also arrays, all pairs at once
patterns, shapes = pairs.arrays("pattern"), pairs.arrays("shape")
predictor = argand.load("molmnist")

for number in (11, 13):
    # A pattern shows how far the ends are turned against each other; with the length that is a twist.
    answer = predictor.predict(patterns[number], pairs.mask, window_side=200.0, length=207.6)
    truth = FIBRILS[pairs.arrays("fibril")[number]]
    twist = pairs.arrays("twist_deg_per_nm")[number]
    print(f"pattern {number}: found {answer.fibril}, {answer.chains:.0f} chains; truth {truth}")
    print(f"  twist {answer.twist_deg_per_nm:.2f} ± {answer.twist_sd_deg_per_nm:.2f} °/nm, truth {twist:.2f}")
    print(f"  {answer.shape.sum():.0f} electrons in the shape, {shapes[number].sum()} in the true one")
    print(f"  believed {answer.verdict.believed}: {answer.verdict.reason}")
