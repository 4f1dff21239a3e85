"""Diffuse scattering of a still as functions of s = 1/d = 2 sin(theta)/wavelength, and its polarisation.

Profiles are in arbitrary units of about one; the simulator scales them to counts.
"""

import numpy as np
from jaxtyping import Float

Profile = Float[np.ndarray, " n"]

ICE_D = (3.897, 3.669, 3.441, 2.671, 2.249, 2.072, 1.948, 1.918, 1.883)
"""Spacings in Å of hexagonal ice (Thorn et al. 2017, Acta Cryst. D73, 729-737)."""
ICE_STRENGTH = (1.0, 0.75, 0.85, 0.25, 0.45, 0.55, 0.25, 0.25, 0.15)
"""Heights of those rings relative to the first; by hand: only their positions matter."""
LIQUID_WATER_D, VITREOUS_WATER_D = 3.15, 3.67
"""Spacing in Å of the main water ring: liquid at room temperature, and vitrified with cryoprotectant.

By hand, similar to solvent rings of protein images; the simulator varies them.
"""


def s_from_two_theta(two_theta: Profile, wavelength: float) -> Profile:
    """1/d in 1/Å of a scattering angle in radians (Bragg's law)."""
    return 2.0 * np.sin(two_theta / 2.0) / wavelength


def bump(s: Profile, centre: float, width: float) -> Profile:
    """A Gaussian ring at s = `centre` with standard deviation `width`, both 1/Å; height 1."""
    return np.exp(-0.5 * ((s - centre) / width) ** 2)


def air(s: Profile, decay: float = 0.25) -> Profile:
    """Air scattering: it falls with the form factors of nitrogen and oxygen.

    `decay` in 1/Å, by hand; a Lorentzian with about the same decay.
    """
    return 1.0 / (1.0 + (s / decay) ** 2)


def water(s: Profile, d: float = VITREOUS_WATER_D, width: float = 0.028) -> Profile:
    """Solvent: a main ring at `d`, a second at about 1.7 times its s, a molecular tail.

    `d` in Å and `width` in 1/Å. Heights, widths and tail are set by hand: no measured curve was fitted.
    """
    tail = 0.45 / (1.0 + (s / 0.42) ** 4)
    rise = 1.0 - np.exp(-((s * d) ** 2))
    return bump(s, 1.0 / d, width) + 0.35 * bump(s, 1.72 / d, 1.7 * width) + tail * rise


def small_angle(s: Profile, radius: float) -> Profile:
    """Guinier's law exp(-(2 pi s Rg)²/3) for `radius` of gyration in Å: the rise towards the beam."""
    return np.exp(-((2 * np.pi * s * radius) ** 2) / 3.0)


def ice(s: Profile, width: float) -> Profile:
    """Powder rings of hexagonal ice, standard deviation `width` in 1/Å."""
    rings = [h * bump(s, 1.0 / d, width) for d, h in zip(ICE_D, ICE_STRENGTH, strict=True)]
    return np.sum(rings, axis=0)


def polarisation(
    two_theta: Float[np.ndarray, "..."], azimuth: Float[np.ndarray, "..."], fraction: float
) -> Float[np.ndarray | np.floating, "..."]:
    """Thomson polarisation factor of a beam with horizontal `fraction` p - (1 - p) in [-1, 1].

    Kahn et al. (1982), J. Appl. Cryst. 15, 330-337; azimuth from the horizontal (fast) axis.
    """
    sine2 = np.sin(two_theta) ** 2
    return 1.0 - 0.5 * sine2 * (1.0 + fraction * np.cos(2.0 * azimuth))
