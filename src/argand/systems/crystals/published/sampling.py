"""New boxes of 10 Å: vectors drawn from a prior over linear codes, and what is decoded from them.

The published system draws from the normal distribution that its latents are pressed towards. Here a mixture
stands beside it, of normal distributions about the codes of known crystals, as a sum of Gaussians of whole
charges is a narrow part of all densities, and a normal draw is of none.
"""

import numpy as np
from jaxtyping import Float

from argand.errors import ConfigError, InputError
from argand.systems.crystals.generation.structure_templates import load_templates
from argand.systems.crystals.latent.decoded import Decoded
from argand.systems.crystals.published.decoder import BoxCoder, decode_box
from argand.systems.crystals.simulate import draw

PRIORS = ("mixture", "normal")
NOISE = 0.02
"""Standard deviation about a known code. By hand: twice what all elements survive."""
_REPEATING = 0.0
"""Share of repeating crystals among the known boxes: 300 numbers do not hold their atoms."""


def draw_codes(
    coder: BoxCoder, count: int, seed: int, prior: str = "mixture", noise: float = NOISE
) -> Float[np.ndarray, "count latent"]:
    """Vectors of single cells' boxes, float32: about known crystals, or normal draws (mean 0, deviation 1).

    ConfigError for an unknown prior.
    """
    if prior not in PRIORS:
        raise ConfigError(f"no prior is called '{prior}'; there are {', '.join(PRIORS)}")
    rng = np.random.default_rng(seed)
    if prior == "normal":
        return rng.standard_normal((count, coder.numbers)).astype(np.float32)
    stock = load_templates()
    known = [coder.latents(draw(stock, coder.box, _REPEATING, rng).density[None])[0] for _ in range(count)]
    return (np.array(known) + noise * rng.standard_normal((count, coder.numbers))).astype(np.float32)


def sample_boxes(
    coder: BoxCoder, count: int, seed: int, prior: str = "mixture", noise: float = NOISE
) -> list[Decoded | InputError]:
    """What is decoded from drawn vectors; the reason where one has no atom in its box."""
    decoded: list[Decoded | InputError] = []
    for code in draw_codes(coder, count, seed, prior, noise):
        try:
            decoded.append(decode_box(coder, code))
        except InputError as error:
            decoded.append(error)
    return decoded
