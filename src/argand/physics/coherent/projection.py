"""Projections of atoms along the beam, and the coherent intensity on a detector behind them.

q is 4π sin θ / λ in 1/Å. Images are [slow, fast] = [y, x]; x = y = 0 is the centre, between the middle
pixels. Intensities have q = 0 in pixel [size // 2, size // 2]. Beam along +z.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float, Shaped
from scipy import fft

from argand.errors import ConfigError
from argand.physics.crystal.atom import Radiation, gaussians

Picture = Float[np.ndarray, "slow fast"]
Half = Float[np.ndarray, "slow half"]
Amplitude = Complex[np.ndarray, "slow half"]
"""Over the half spectrum of rfft2, in its order."""
Places = Float[np.ndarray, "_ 3"]
"""Positions of any number of atoms of one element in Å."""
Corners = Shaped[np.ndarray, "4 n"]

OVERSAMPLING = 2
"""Ratio of the window's pixel to that of the grid on which atoms are deposited.

With 2, amplitudes differ from sums over atoms by R = 0.5 % at q of 1 to 1.7 / Å, 3 % up to 2.5 / Å
(`benchmarks/molmnist_forward.py`); time and memory grow with its square.
"""
WIDEST = np.radians(60.0)
"""Largest scattering angle on a curved Ewald sphere: closer to its equator a fibre needs ever more slabs.

Set by hand: a bound on time, wider than most detectors see.
"""
_SLAB_PHASE = 1.2
"""Largest phase change in radians from one slab along the beam to the next.

Set by hand: the nearest alias of a cubic spline is then (1.2 / (2π - 1.2))⁴ = 0.3 % of an atom's amplitude;
the overall error is measured (`benchmarks/molmnist_forward.py`).
"""
_REACH = 2
"""Slabs on either side over which an atom is shared: a cubic B-spline is 0 two knots away."""


@dataclass(frozen=True)
class Window:
    """A square field of view: side in Å, and pixels along one side.

    The default is that of the data sets. Raises ConfigError for invalid values.
    """

    side: float = 200.0
    size: int = 200

    def __post_init__(self) -> None:
        if self.side <= 0 or self.size < 8:  # fewer pixels cannot sample a pattern; set by hand
            raise ConfigError("a window needs a side above zero and at least 8 pixels along it")

    @property
    def pixel(self) -> float:
        """Side of a pixel in Å."""
        return self.side / self.size

    @cached_property
    def q(self) -> Picture:
        """|q| of each pixel of the intensity in 1/Å."""
        axis = 2 * np.pi * (np.arange(self.size) - self.size // 2) / self.side
        return np.hypot(axis[:, None], axis[None])


def histogram(cart: Float[np.ndarray, "n 3"], weight: Float[np.ndarray, " n"], window: Window) -> Picture:
    """Sum of the weights of the atoms over each pixel; atoms outside are left out.

    `cart` in Å with x = y = 0 in the middle of the window; the picture is [slow, fast] = [y, x].
    """
    place = np.floor(cart[:, :2] * (1 / window.pixel) + window.size / 2).astype(np.int64)
    if len(place) and (place.min() < 0 or place.max() >= window.size):
        inside = ((place >= 0) & (place < window.size)).all(1)
        place, weight = place[inside], weight[inside]
    counts = np.bincount(place[:, 1] * window.size + place[:, 0], weight, window.size**2)
    return counts.reshape(window.size, window.size)


def spread(xy: Float[np.ndarray, "n 2"], side: float, size: int) -> tuple[Corners, Corners]:
    """Grid points and weights of each atom on a periodic grid with x = y = 0 in the middle.

    Flat indices of the four nearest points, and bilinear weights.
    """
    place = xy * xy.dtype.type(size / side) + xy.dtype.type(size // 2)
    low = np.floor(place)
    right, up = (place - low).T
    column, row = low.astype(np.int64).T
    if len(xy) and (low.min() < 0 or low.max() > size - 2):
        beside, above = (column + 1) % size, (row + 1) % size
        column, row = column % size, row % size
        flat = [row * size + column, row * size + beside, above * size + column, above * size + beside]
    else:
        first = row * size + column
        flat = [first, first + 1, first + size, first + (size + 1)]
    both = right * up
    return np.stack(flat), np.stack([1 - right - up + both, right - both, up - both, both])


def cubic_spline(place: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Cubic B-spline at these positions in units of the knot spacing; its transform is sinc⁴."""
    far = np.abs(place)
    return np.where(far < 1, 2 / 3 - far**2 * (1 - far / 2), np.maximum(2 - far, 0.0) ** 3 / 6)


def scattering_factors(
    elements: set[str], q: Float[np.ndarray, "*n"], radiation: Radiation = "xray"
) -> dict[str, np.ndarray]:
    """Form factor of each element: electrons for X-rays, Å for electrons (International Tables C, via
    gemmi)."""
    stol2 = np.asarray(q / (4 * np.pi)) ** 2
    factors = {}
    for name in elements:
        sizes, widths, constant = gaussians(name, radiation)
        factors[name] = constant + sum(a * np.exp(-b * stol2) for a, b in zip(sizes, widths, strict=True))
    return factors


def highest_q(wavelength: float) -> float:
    """Limit of q across the beam (1/Å) at a wavelength in Å: k times the sine of the widest angle."""
    return float(2 * np.pi / wavelength * np.sin(WIDEST))


class Camera:
    """Coherent amplitudes of groups of equal atoms in one window, with common quantities computed once.

    `wavelength` in Å sets the curvature of the Ewald sphere (None: flat, the short-wavelength limit), which
    is covered up to scattering angles of `WIDEST`. Atoms are shared linearly between the points of a grid
    `OVERSAMPLING` times finer than the window's, and the transform is divided by that of the weights, sinc².
    `precise` computes in double precision, so that counts drawn from the intensity are the same on every
    machine.
    """

    def __init__(
        self,
        elements: set[str],
        window: Window,
        radiation: Radiation = "xray",
        wavelength: float | None = None,
        precise: bool = False,
    ) -> None:
        self.window, self.wavelength = window, wavelength
        self._real, self._complex = (np.float64, np.complex128) if precise else (np.float32, np.complex64)
        self.fine = OVERSAMPLING * window.size
        sharing = np.sinc(fft.rfftfreq(self.fine)) ** 2, np.sinc(fft.fftfreq(self.fine)) ** 2
        half = window.size // 2 + 1
        self._rows = np.r_[0 : (window.size + 1) // 2, self.fine - window.size // 2 : self.fine]
        correction = 1 / (sharing[1][self._rows, None] * sharing[0][None, :half])
        axis = 2 * np.pi * fft.fftfreq(window.size, window.pixel)
        self._q = np.hypot(axis[:, None], np.abs(axis[None, :half]))
        factors = scattering_factors(elements, self._length(), radiation)
        self._factor = {name: (factor * correction).astype(self._real) for name, factor in factors.items()}
        self._half = half

    def _length(self) -> Half:
        """|q| of the half spectrum; on a curved sphere, including the component along the beam."""
        return self._q if self.wavelength is None else np.hypot(self._q, self._along())

    def _along(self) -> Half:
        """Component of q along the beam on the Ewald sphere, k - sqrt(k² - q²); NaN beyond the widest
        angle."""
        assert self.wavelength is not None
        k = 2 * np.pi / self.wavelength
        seen = np.where(self._q < highest_q(self.wavelength), self._q, np.nan)
        return k - np.sqrt(k**2 - seen**2)

    def intensity(self, atoms: Mapping[str, Places]) -> Picture:
        """|F|² of atoms at these positions (Å), by element; NaN where q is out of reach at this
        wavelength."""
        if self.wavelength is None:
            amplitude = self._flat(atoms)
            return self._whole(np.real(amplitude) ** 2 + np.imag(amplitude) ** 2)
        above, below = self._bent(atoms)
        return self._joined(np.abs(above) ** 2, np.abs(below) ** 2)

    def _flat(self, atoms: Mapping[str, Places]) -> Amplitude:
        """Amplitude over the half spectrum, [row, column] as in an FFT."""
        total = np.zeros((self.window.size, self._half), self._complex)
        for name, cart in atoms.items():
            total += self._transform(cart[:, :2]) * self._factor[name]
        return total

    def _transform(
        self, xy: Float[np.ndarray, "n 2"], weight: Float[np.ndarray, " n"] | None = None
    ) -> Amplitude:
        place, share = spread(xy, self.window.side, self.fine)
        share = share if weight is None else share * weight
        grid = np.bincount(place.ravel(), share.ravel(), self.fine**2).astype(self._real)
        spectrum = np.asarray(fft.rfft(grid.reshape(self.fine, self.fine), axis=1))[:, : self._half]
        # The origin is in the middle of the grid: this shifts phases by half or whole turns, with no effect
        # on intensities. numpy's transform has the minus sign; the package's amplitude is its conjugate.
        return np.asarray(fft.fft(spectrum, axis=0))[self._rows]

    def _bent(self, atoms: Mapping[str, Places]) -> tuple[Amplitude, Amplitude]:
        """Amplitudes at the half spectrum and at its mirror image, which differ on a curved sphere.

        The fibre is cut into slabs; an atom is shared between the middles of four by a cubic spline, whose
        transform, sinc⁴, is divided out.
        """
        along = self._along()
        ordered = {name: cart[cart[:, 2].argsort()] for name, cart in atoms.items() if len(cart)}
        low = float(min(cart[0, 2] for cart in ordered.values()))
        high = float(max(cart[-1, 2] for cart in ordered.values()))
        count = max(int(np.ceil((high - low) * float(np.nanmax(along)) / _SLAB_PHASE)), 1) + 1
        # A flat object has no height; any step will do.
        step = max((high - low) / (count - 1), 1e-6)
        above, below = (np.zeros((self.window.size, self._half), self._complex) for _ in range(2))
        for slab in range(1 - _REACH, count + _REACH - 1):
            height = low + slab * step
            here = self._slab(ordered, height, step)
            phase = np.exp(1j * along * height).astype(self._complex)
            above += here * phase
            below += here * phase.conj()
        sharing = np.sinc(along * step / (2 * np.pi)) ** 4
        with np.errstate(invalid="ignore"):
            return above / sharing, below / sharing

    def _slab(self, ordered: Mapping[str, Places], height: float, step: float) -> Amplitude:
        """Amplitude of the atoms in a slab, ordered by height."""
        total = np.zeros((self.window.size, self._half), self._complex)
        for name, cart in ordered.items():
            first, last = np.searchsorted(cart[:, 2], (height - _REACH * step, height + _REACH * step))
            if first < last:
                near = cart[first:last]
                share = cubic_spline((near[:, 2] - height) / step)
                total += self._transform(near[:, :2], share) * self._factor[name]
        return total

    def _whole(self, half: Half) -> Picture:
        """The centred full pattern of a half, completed by Friedel's law."""
        return self._joined(half, half)

    def _joined(self, half: Half, mirror: Half) -> Picture:
        """The centred full pattern; `mirror` contains the values at -q."""
        size = self.window.size
        full = np.empty((size, size), half.dtype)
        full[:, : self._half] = half
        rows = -np.arange(size) % size
        full[:, self._half :] = mirror[rows][:, size - self._half : 0 : -1]
        return np.asarray(fft.fftshift(full))


def direct_intensity(
    atoms: Mapping[str, Places],
    q: Float[np.ndarray, "m 3"],
    radiation: Radiation = "xray",
) -> Float[np.ndarray, " m"]:
    """|Σ f exp(i q·r)|² by direct summation over atoms at vectors q [m, 3] in 1/Å; slow, for checks."""
    length = np.linalg.norm(q, axis=1)
    factors = scattering_factors(set(atoms), length, radiation)
    total = np.zeros(len(q), complex)
    for name, cart in atoms.items():
        total += factors[name] * np.exp(1j * (q @ cart.T)).sum(1)
    return np.abs(total) ** 2
