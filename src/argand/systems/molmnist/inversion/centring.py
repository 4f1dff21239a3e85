"""Patterns with q = 0 in pixel [n // 2, n // 2], and which arrays are no patterns."""

import numpy as np
from jaxtyping import Bool, Float, Shaped

from argand.errors import InputError
from argand.physics.coherent.friedel import inversion_centre, recentred

_SMALLEST = 16
"""Pixels along a side of a pattern. By hand: fewer have less than eight rings about the middle."""
_IS_CENTRE, _MORE_CENTRED, _CORNERED = 0.4, 0.1, 10.0
"""Correlation of mates that shows a centre, how much better than q = 0 in place it must be, and how much
brighter corners are than the middle where an FFT has not been shifted. By hand; tests try them on moved and
on unshifted patterns, no benchmark measures them."""
_HIDDEN = 0.6
"""How much better another centre must be if a gap hides the mates of all intensity from q = 0 in place.
Chosen on 30 validation patterns behind crosses: of those in place 99 % then stay (94 % with 0), and of those
out of place no fewer are found; from 0.9 on fewer are."""

Pattern = Float[np.ndarray, "slow fast"]


def centred(
    pattern: Shaped[np.ndarray, "..."], live: Shaped[np.ndarray, "..."] | None = None
) -> tuple[Pattern, Bool[np.ndarray, "slow fast"], tuple[str, ...]]:
    """A pattern with q = 0 in pixel [n // 2, n // 2], its measured pixels, and what was done to it.

    The centre is that of inversion; the largest square around it is kept. Raises InputError as
    `check_patterns`, and where too little is left.
    """
    pattern = np.asarray(pattern, np.float32)
    live = np.ones(pattern.shape, bool) if live is None else np.asarray(live, bool)
    check_patterns(pattern[None], live)
    notes: tuple[str, ...] = ()
    if _is_cornered(pattern, live):
        pattern, live = np.fft.fftshift(pattern), np.fft.fftshift(live)
        notes = ("q = 0 was in the corner and has been moved to the middle",)
    found = inversion_centre(pattern, live)
    margin = _MORE_CENTRED + _HIDDEN * found.hidden
    if found.correlation < _IS_CENTRE or found.correlation < found.in_place + margin:
        return pattern, live, notes
    before = len(pattern)
    pattern, live = recentred(pattern, live, found.centre_px)
    if len(pattern) < _SMALLEST or not live.any():
        raise InputError("the centre of the pattern is at its edge; give a pattern with q = 0 inside")
    fast, slow = found.centre_px
    said = f"recentred: the centre of inversion is at pixel {fast:g}, {slow:g} (fast, slow)"
    return pattern, live, (*notes, f"{said}; {len(pattern)} of {before} pixels along a side are kept")


def _is_cornered(pattern: Pattern, live: Bool[np.ndarray, "slow fast"]) -> bool:
    """Whether the bright middle of a pattern is where an FFT leaves it."""
    # A quarter of the side holds most of a pattern's intensity, in the middle or, rolled, in the corners.
    reach = len(pattern) // 8
    middle = len(pattern) // 2
    seen = np.where(live, pattern, 0)
    rolled = np.fft.fftshift(seen)
    part = (slice(middle - reach, middle + reach),) * 2
    return float(rolled[part].sum()) > _CORNERED * float(seen[part].sum())


def check_patterns(patterns: Shaped[np.ndarray, "..."], live: Shaped[np.ndarray, "..."]) -> None:
    """Raise InputError for patterns [n, slow, fast] from which nothing can be read, with the cure.

    `live` is [slow, fast], of all of them.
    """
    if patterns.ndim != 3 or patterns.shape[1] != patterns.shape[2] or patterns.shape[1] < _SMALLEST:
        shape = " x ".join(map(str, patterns.shape[1:]))
        raise InputError(
            f"a pattern is square, {_SMALLEST} pixels or more along a side; this one has {shape}"
        )
    if live.shape != patterns.shape[1:]:
        shapes = [" x ".join(map(str, one)) for one in (live.shape, patterns.shape[1:])]
        raise InputError(f"the mask has {shapes[0]} pixels, the pattern {shapes[1]}")
    if not live.any():
        raise InputError("every pixel of the pattern is masked; nothing was measured")
    seen = patterns[:, live]
    if not np.isfinite(seen).all():
        raise InputError("the pattern holds numbers that are not finite; mask those pixels")
    if seen.min() < 0:
        below = int((seen < 0).any(0).sum())
        raise InputError(f"{below} pixels are below zero; subtract no background, or mask them")
    if not (seen.max(1) > 0).all():
        raise InputError("the pattern is empty; no pixel is above zero")
    if not (seen.max(1) > seen.min(1)).all():
        raise InputError("all measured pixels of the pattern are equal; nothing can be read from it")
