"""The rings of an image: the fit about the network's answer, and the answer from it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from argand.io.image import Frame
from argand.physics.still.calibrant import calibrant, calibrant_name
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.features import Features, bin_cells
from argand.physics.still.lattice_refinement import Prior
from argand.physics.still.ring import RingFit, fit_rings
from argand.systems.geometry.refine.lattice import tilt_prior
from argand.systems.geometry.refine.options import PLAIN, Options
from argand.systems.geometry.refine.prediction import Prediction
from argand.typing import Mask

MOST_CELLS = 1.6e6
"""Largest number of cells for the fit of rings, to save time: a 6M detector binned 2x2."""
NEAREST_PX, FARTHEST_PX = 6.0, 60.0
"""Least and largest scale of the prior of the centre, in px. By hand: networks are sometimes overconfident,
and beyond, rings of one kind are mistaken for those of another."""
SEEN_ALL_ROUND = 3
"""Least number of rings with a common centre that are trusted without a calibrant. By hand: two may be the
rims of a beam stop and of its shadow, and were on simulated stills; three with one centre are not by
chance."""


def try_rings(
    frame: Frame,
    seen: Features,
    start: BeamGeometry,
    sigma: float,
    options: Options = PLAIN,
    crystal: bool = False,
) -> RingFit | None:
    """The fit to sharp rings about the network's answer, which is known to `sigma` px; None without rings.

    Grains of a powder are found as spots, so spots are kept first, and removed if that fails. Those of a
    `crystal` are removed at once: many spots on a lattice look like rings about another centre.
    Raises ConfigError for an unknown calibrant.
    """
    # Wider than the lattice's (by hand): rings have no rivals that a narrow prior must keep away.
    near = float(np.clip(1.5 * sigma, NEAREST_PX, FARTHEST_PX))
    prior, powder = Prior(near, tilt_prior(options)), options.calibrant
    fit = None if crystal else _fit_on(frame, frame.mask, start, prior, seen.binning, powder)
    if (fit is None or fit.doubt or fit.mismatch) and len(seen.spots):
        clean = _fit_on(frame, frame.mask & seen.clean, start, prior, seen.binning, powder)
        if clean is not None and (fit is None or _rank(clean) < _rank(fit)):
            return clean
    return fit


def _rank(fit: RingFit) -> tuple[bool, bool, float]:
    """Order of preference: no doubt, then the calibrant's rings, then precision."""
    return bool(fit.doubt), bool(fit.mismatch), float(np.trace(fit.covariance[:2, :2]))


def _fit_on(
    frame: Frame, mask: Mask, start: BeamGeometry, prior: Prior, coarse: int, powder: str | None
) -> RingFit | None:
    """The fit on coarse cells, with a search, and then on the finest affordable ones; in px."""
    fine = int(np.ceil(np.sqrt(frame.data.size / MOST_CELLS)))
    known = calibrant(powder) if powder else None
    for binning in [coarse, fine] if coarse > fine else [coarse]:
        in_cells = Prior(prior.centre_px / binning, prior.tilt)
        begin = _in_cells(start, binning)
        search = binning == coarse
        fit = fit_rings(*bin_cells(frame.data, mask, binning), begin, in_cells, search, known)
        if fit is None:
            return None
        fit = fit.scaled(binning)
        # The distance is searched about the given one each time, not about that of the coarse cells.
        start = replace(fit.geometry, distance_mm=start.distance_mm)
    return fit


def _in_cells(geometry: BeamGeometry, binning: int) -> BeamGeometry:
    """The same geometry in cells of `binning` px."""
    fast, slow = geometry.beam_centre_px
    pixel = (geometry.pixel_size_mm[0] * binning, geometry.pixel_size_mm[1] * binning)
    return replace(geometry, beam_centre_px=(fast / binning, slow / binning), pixel_size_mm=pixel)


def with_rings(
    answer: Prediction, rings: RingFit, start: BeamGeometry, sigma: float, powder: str | None
) -> tuple[Prediction, str]:
    """The answer with the result of the rings, and why it is not trusted (empty if it is).

    `start` is the network's answer, known to `sigma` px: it is kept if it is the more certain one, or if
    there are too few rings.
    """
    centre_sigma = float(np.sqrt(np.mean(np.diag(rings.covariance)[:2])))
    if centre_sigma > sigma or _too_few(rings):
        return answer, ""
    tilt_sigma = np.degrees(np.sqrt(np.diag(rings.covariance)[2:]))
    answer = replace(
        answer,
        path="rings",
        geometry=rings.geometry,
        covariance=rings.covariance,
        sigma_px=centre_sigma,
        tilt_sigma_deg=(float(tilt_sigma[0]), float(tilt_sigma[1])),
        tilt_measured=rings.tilt_measured,
    )
    if powder:
        answer = _with_calibrant(answer, rings, start.distance_mm, calibrant_name(powder))
    if rings.doubt:
        return answer, f"{rings.rings} sharp rings that do not agree: {rings.doubt}"
    return answer, ""


def _too_few(rings: RingFit) -> bool:
    """Whether rings cannot be distinguished from the rims of a beam stop: few, and of unknown spacing."""
    return rings.rings < SEEN_ALL_ROUND and rings.distance_mm is None


def rings_seen(rings: RingFit | None) -> str:
    """The rings that gave no answer, in words, for a reason."""
    if rings is None:
        return "no sharp rings"
    if rings.doubt:
        return f"{rings.rings} rings, but {rings.doubt}"
    return f"{rings.rings} sharp rings, which are too few or less certain"


def _with_calibrant(answer: Prediction, rings: RingFit, given_mm: float, name: str) -> Prediction:
    """The answer with the distance fitted to the calibrant's rings, and a note of it or why there is none."""
    fitted, sigma = rings.distance_mm, rings.distance_sigma_mm
    if fitted is None or sigma is None:
        note = f"the rings are not those of {name}: {rings.mismatch}; the given distance is kept"
        return replace(answer, notes=(*answer.notes, note))
    measured = f"{fitted:.2f} ± {sigma:.2f} mm"
    note = f"the distance is fitted to the rings of {name}, {measured}; {given_mm:g} mm was given"
    return replace(
        answer,
        fitted_distance_mm=fitted,
        stretch=fitted / given_mm,
        stretch_sigma=sigma / given_mm,
        notes=(*answer.notes, note),
    )


def averaged_distance(answer: Prediction, fitted: Sequence[float]) -> Prediction:
    """The answer for several images at the median of the distances fitted to their calibrant's rings."""
    assert answer.geometry is not None
    middle = float(np.median(fitted))
    note = f"the distance is fitted to the rings of the calibrant, {middle:.2f} mm (median of the images)"
    geometry = replace(answer.geometry, distance_mm=middle)
    return replace(answer, geometry=geometry, fitted_distance_mm=middle, notes=(*answer.notes, note))
