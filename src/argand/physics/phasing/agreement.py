"""Agreement of a model with intensities, as the figures reported in publications."""

from dataclasses import dataclass

import numpy as np

from argand.physics.phasing.refinement import Observed, RefinedModel

_WEIGHT = 0.1
"""Coefficient of P in SHELXL's weights before refinement: its initial WGHT card."""


@dataclass(frozen=True)
class Agreement:
    """wR2 for all and for the strong reflections (F² > 2σ), and the goodness of fit, as SHELXL defines
    them."""

    weighted: float
    weighted_strong: float
    goodness: float


def agreement(model: RefinedModel, data: Observed, parameters: int) -> Agreement:
    """wR2 = √(Σ w (F_o² - F_c²)² / Σ w F_o⁴) and S = √(Σ w (F_o² - F_c²)² / (n - p)).

    w = 1 / (σ² + (0.1 P)²) on the scale of F_c², P = (max(F_o², 0) + 2 F_c²) / 3 (SHELXL's manual, WGHT).
    """
    scale = max(model.scale, 1e-12) ** 2
    observed, sigma = data.intensity / scale, data.sigma / scale
    calculated = np.abs(model.calculated) ** 2
    mean = (np.maximum(observed, 0) + 2 * calculated) / 3
    # Keeps weights finite: a sigma of 0 may mean that none was given.
    weight = 1 / np.maximum(sigma**2 + (_WEIGHT * mean) ** 2, 1e-12)
    misfit, power = weight * (observed - calculated) ** 2, weight * observed**2
    strong = data.strong
    whole, part = (
        float(np.sqrt(misfit[kept].sum() / max(power[kept].sum(), 1e-30)))
        for kept in (np.ones(len(misfit), bool), strong)
    )
    return Agreement(whole, part, float(np.sqrt(misfit.sum() / max(len(misfit) - parameters, 1))))
