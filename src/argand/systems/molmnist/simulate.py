"""Shape and pattern of a variant: what the beam sees along the axis, and what the detector counts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from scipy import fft, ndimage

from argand.errors import ConfigError
from argand.physics.coherent.composition import ELECTRONS, electrons_of
from argand.physics.coherent.projection import (
    Camera,
    Picture,
    Radiation,
    Window,
    highest_q,
    histogram,
)
from argand.physics.noise import count_photons

_KEPT_BITS = 12
"""Bits of a stored intensity's mantissa: a relative error of 2^-13, 1.2e-4, at most. By hand, for the size of
files."""
_COARSEST = 10.0
"""Å of a pixel. By hand: the smallest fibril is 17 Å wide and would be one or two pixels."""


@dataclass(frozen=True)
class Imaging:
    """How patterns are made and measured.

    `projection` is `histogram` (|FFT|² of the electrons per pixel, as published) or `form-factors` (form
    factors, corrected for the pixel). `wavelength` in Å bends the Ewald sphere; None leaves it flat.
    `normalise` divides by I(0) and masks it. `photons` are expected on all pixels that are not masked, None
    measures without noise. `beam_stop` is the q in 1/Å below which pixels are masked, `blur_px` the
    standard deviation of the point spread in pixels.

    ConfigError for what does not go together or is out of range.
    """

    window: Window = field(default_factory=Window)
    projection: Literal["histogram", "form-factors"] = "form-factors"
    radiation: Radiation = "xray"
    wavelength: float | None = None
    rotate: bool = True
    normalise: bool = True
    photons: float | None = None
    beam_stop: float = 0.0
    blur_px: float = 0.0

    def __post_init__(self) -> None:
        if self.projection == "histogram" and (self.wavelength or self.radiation != "xray"):
            raise ConfigError(
                "the projection 'histogram' has neither wavelength nor radiation; use 'form-factors'"
            )
        if self.window.pixel > _COARSEST:
            raise ConfigError(f"pixels of {self.window.pixel:g} Å are too coarse; use {_COARSEST:g} or less")
        if min(self.photons or 1, self.wavelength or 1) <= 0 or min(self.beam_stop, self.blur_px) < 0:
            raise ConfigError("photons and wavelength must be above zero, beam stop and blur not below")

    @cached_property
    def live(self) -> Bool[np.ndarray, "slow fast"]:
        """Pixels that are measured."""
        live = self.window.q >= self.beam_stop
        if self.normalise:
            live &= self.window.q > 0
        if self.wavelength:
            live &= self.window.q < highest_q(self.wavelength)
        return live

    @cached_property
    def precise_camera(self) -> Camera:
        """The same in double precision."""
        return Camera(set(ELECTRONS), self.window, self.radiation, self.wavelength, precise=True)


@lru_cache(maxsize=16)  # by hand: more than the conditions that are measured at one time
def _camera(imaging: Imaging, elements: frozenset[str]) -> Camera:
    """Amplitudes of these elements through the window."""
    return Camera(set(elements), imaging.window, imaging.radiation, imaging.wavelength)


class Scene:
    """Atoms of these elements in the order in which projections take them: the lightest first.

    ConfigError for an unknown element.
    """

    def __init__(self, elements: Sequence[str]) -> None:
        named = np.array(elements)
        electrons = {name: electrons_of(name) for name in set(elements)}
        order = sorted(electrons, key=lambda name: (electrons[name], name))
        self.members = {name: np.flatnonzero(named == name) for name in order}
        self.weight = np.array([electrons[name] for name in elements])

    def shape(self, cart: Float[np.ndarray, "n 3"], window: Window) -> Picture:
        """Electrons per pixel."""
        return histogram(cart, self.weight, window)

    def intensity(self, cart: Float[np.ndarray, "n 3"], shape: Picture, imaging: Imaging) -> Picture:
        """|F|² in electrons² (Å² for electrons), q = 0 in pixel [n // 2, n // 2].

        Blind to beam stop and photons.
        """
        if imaging.projection == "histogram":
            return np.abs(np.asarray(fft.fftshift(fft.fft2(shape)))) ** 2
        atoms = {name: cart[members] for name, members in self.members.items()}
        return _camera(imaging, frozenset(atoms)).intensity(atoms)


def measure(
    intensity: Picture, imaging: Imaging, random: np.random.Generator
) -> Float[np.ndarray, "slow fast"]:
    """What the detector says of an intensity: blurred, normalised, counted; 0 where it is masked.

    float32 in shares of I(0), in electrons² where not normalised, or whole photons, whose expected sum over
    live pixels is `photons`.
    """
    if imaging.blur_px:
        intensity = ndimage.gaussian_filter(intensity, imaging.blur_px)
    middle = imaging.window.size // 2
    pattern = np.where(imaging.live, intensity, 0.0)
    if imaging.photons:
        return count_photons(random, pattern * (imaging.photons / pattern.sum()))
    if imaging.normalise:
        pattern = pattern / intensity[middle, middle]
    return rounded(pattern.astype(np.float32))


def turned(cart: Float[np.ndarray, "n 3"], angle: float) -> Float[np.ndarray, "n 3"]:
    """Points turned about the beam, from x towards y by `angle` in radians, in their own precision."""
    cos, sin = cart.dtype.type(np.cos(angle)), cart.dtype.type(np.sin(angle))
    x, y, z = cart.T
    return np.stack([cos * x - sin * y, sin * x + cos * y, z], 1)


def rounded(values: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """float32 values with fewer bits, which take less room when they are compressed."""
    drop = 23 - _KEPT_BITS
    # Half of the last bit kept is added first, so that the rest is rounded and not cut.
    bits = values.view(np.uint32) + np.uint32(1 << (drop - 1))
    return (bits & np.uint32(0xFFFFFFFF << drop & 0xFFFFFFFF)).view(np.float32)
