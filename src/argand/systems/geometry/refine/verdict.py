"""Which evidence decides, how far to trust it, and when an answer is not trusted."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from argand.io.image import Frame
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.features import Features
from argand.physics.still.lattice import LatticeFit
from argand.physics.still.ring import RingFit
from argand.systems.geometry.refine.lattice import is_flat
from argand.systems.geometry.refine.options import PLAIN, Options
from argand.systems.geometry.refine.prediction import Path, Prediction
from argand.systems.geometry.refine.rings import averaged_distance, rings_seen, with_rings
from argand.systems.geometry.refine.swung import is_swung

# The limits below were chosen while looking at some of the stills on which benchmarks/geometry_simulated.py
# reports the shares of answers and of wrong answers, so those are development figures; no limit was chosen
# on real images.
NETWORK_LIMIT_PX = 1.2
"""Largest standard deviation, in px, at which the network's answer is trusted on its own. See above."""
LATTICE_MARGIN = 10.0
"""Least difference in robust chi² between the best origin of a lattice and the next one. By hand, raised from
6 when the distance became a parameter of the fit: 10 is a likelihood ratio of 150 for normal errors."""
MANY_SPOTS, HINT = 100, " (are distance and wavelength right?)"
"""Number of spots above which a lattice is expected (by hand; it only changes the words of the reason), and
the question that is asked if there is none."""
STRETCH_NOTE, STRETCH_LIMIT = 0.005, 0.02
"""Relative errors of the distance above which there is a note, and above which no answer is trusted. By hand:
five times the precision from one still with several hundred spots, and twice the 1 % to which the distance
is assumed to be known."""
FAR_SIGMAS = 5.0
"""Largest distance of a trusted lattice origin from the network's centre, in standard deviations of the
network (of 1 px at least). By hand: of 170 correct origins on the seed for choices none was beyond 2.6. Not
applied to swung-out detectors and electrons, on which the network was not trained."""
SCATTER_SHARE, TILT_FLOOR_DEG = 0.1, 0.02
"""Least standard deviation of a centre from a lattice, as a share of the residual of its spots, and of each
angle, in degrees. Chosen on 24 stills of each set of the seed for choices: with 0.2 and 0.03 errors were 0.35
to 0.45 of their standard deviations (0.6 for angles) where only the centre was unknown."""
MOST_SIGMA_PX = 2.0
"""Largest standard deviation of a trusted centre, px. By hand, see above."""
MEASURED_STRETCH = 0.005
"""Largest relative standard deviation of a fitted distance that counts as measured. By hand: half of the 1 %
to which it is assumed to be known beforehand, so that the spots and not the header determine it."""


def no_hit(frame: Frame, seen: Features, least: int) -> Prediction:
    """The answer for an image with fewer than `least` spots, which is not analysed further."""
    spots = len(seen.spots)
    reason = f"no hit: {spots} spot{'' if spots == 1 else 's'}, fewer than {least}"
    nothing = (None, None, None, False, frame.header_beam_centre_px, None, None, None)
    notes = tuple(frame.notes)
    return Prediction(
        frame.path, frame.index, frame.shape, False, reason, "none", *nothing, spots, 0, None, 0.0, notes
    )


def decide(
    frame: Frame,
    seen: Features,
    start: BeamGeometry,
    sigma: float,
    lattice: LatticeFit | None,
    rings: RingFit | None,
    options: Options = PLAIN,
) -> Prediction:
    """Choose the best evidence and judge it; `start` with its `sigma` in px is the answer of the network."""
    answer = Prediction(
        frame.path,
        frame.index,
        (int(frame.data.shape[0]), int(frame.data.shape[1])),
        False,
        "",
        "network",
        start,
        sigma,
        None,
        False,
        frame.header_beam_centre_px,
        None,
        None,
        None,
        len(seen.spots),
        0,
        None,
        0.0,
        tuple(frame.notes),
    )
    reason = ""
    if lattice is not None and (rings is None or not lattice_doubts(lattice, options)):
        answer, reason = _with_lattice(answer, lattice, options), lattice_doubts(lattice, options)
        if not (is_swung(frame) or is_flat(start)):
            reason = reason or _far_off(answer, start, sigma)
    elif rings is not None:
        answer, reason = with_rings(answer, rings, start, sigma, options.calibrant)
    reason = _doubts(frame, seen, answer, rings) or reason
    return replace(answer, trusted=not reason, reason=reason or _grounds(answer, rings))


def _grounds(answer: Prediction, rings: RingFit | None) -> str:
    """Why an answer is trusted."""
    assert answer.sigma_px is not None
    if answer.path == "lattice":
        share = f"{answer.indexed} of {answer.spots} spots"
        return f"a lattice that explains {share} gives the centre to ±{answer.sigma_px:.2f} px"
    if answer.path == "rings" and rings is not None:
        return f"{rings.rings} sharp rings have this centre in common, to ±{answer.sigma_px:.2f} px"
    limit = f"within the limit of {NETWORK_LIMIT_PX:g} px"
    return f"the network gives the centre to ±{answer.sigma_px:.2f} px, {limit}"


def _far_off(answer: Prediction, start: BeamGeometry, sigma: float) -> str:
    """Why a centre far from the network's is not trusted; empty if it is near."""
    assert answer.geometry is not None
    apart = float(np.abs(np.subtract(answer.geometry.beam_centre_px, start.beam_centre_px)).max())
    if apart <= FAR_SIGMAS * max(sigma, 1.0):
        return ""
    return (
        f"the lattice's origin is {apart:.0f} px from the network's centre, which is known to ±{sigma:.1f} px"
    )


def _with_lattice(answer: Prediction, fit: LatticeFit, options: Options) -> Prediction:
    """The answer with the result of a lattice fit, and a note if the fit finds another distance."""
    # Spots that the lattice does not explain, and errors that spots have in common (parallax, split
    # crystals), mean that the model is incomplete: averaging over spots would hide them.
    covariance = fit.covariance * fit.offered / fit.indexed
    floor = [(SCATTER_SHARE * fit.rms_px) ** 2] * 2 + [np.radians(TILT_FLOOR_DEG) ** 2] * 2
    covariance += np.diag(floor)
    answer = _refined(answer, "lattice", fit.geometry, covariance)
    answer = replace(answer, indexed=fit.indexed, rms_px=fit.rms_px)
    return _with_distance(answer, fit.geometry.distance_mm, fit.stretch, fit.stretch_sigma, options)


def _with_distance(
    answer: Prediction, given_mm: float, stretch: float, sigma: float, options: Options
) -> Prediction:
    """The answer with the fitted distance, and a note where it differs from the given one."""
    assert answer.geometry is not None
    fitted, geometry = stretch * given_mm, answer.geometry
    answer = replace(answer, fitted_distance_mm=fitted, stretch=stretch, stretch_sigma=sigma)
    if options.use_fitted_distance and sigma < MEASURED_STRETCH:
        found = f"{fitted:.2f} ± {sigma * fitted:.2f} mm"
        note = f"the distance is the one fitted to the spots, {found}; {given_mm:g} mm was given"
        geometry = replace(geometry, distance_mm=fitted)
        return replace(answer, geometry=geometry, notes=(*answer.notes, note))
    # Four sigma, by hand: no note on a distance that the spots hardly determine.
    if abs(stretch - 1.0) > max(STRETCH_NOTE, 4.0 * sigma):
        note = f"the spots fit a distance of {fitted:.1f} mm; {given_mm:g} mm was given"
        return replace(answer, notes=(*answer.notes, note))
    return answer


def _refined(answer: Prediction, path: Path, geometry: BeamGeometry, covariance: np.ndarray) -> Prediction:
    """The answer with a refined geometry and its uncertainty."""
    tilt_sigma = np.degrees(np.sqrt(np.diag(covariance)[2:]))
    # 0.5 degrees, by hand: a quarter of TILT_PRIOR, so that the evidence and not the prior determines it.
    return replace(
        answer,
        path=path,
        geometry=geometry,
        covariance=covariance,
        sigma_px=float(np.sqrt(np.mean(np.diag(covariance)[:2]))),
        tilt_sigma_deg=(float(tilt_sigma[0]), float(tilt_sigma[1])),
        tilt_measured=bool(tilt_sigma.max() < 0.5),
    )


def _doubts(frame: Frame, seen: Features, answer: Prediction, rings: RingFit | None) -> str:
    """Why the answer is not trusted; empty if it is."""
    assert answer.geometry is not None
    assert answer.sigma_px is not None
    if is_swung(frame) and answer.path != "lattice":
        found = f"its {len(seen.spots)} spots show no lattice that locates the beam"
        return f"the detector is swung out by {frame.two_theta_deg:g} degrees and {found}"
    # Near-blank, centres outside the detector: by hand, see the note at the top.
    photons = float(seen.counts.sum())
    if answer.path == "network" and photons < 3000 and len(seen.spots) < 15:
        return f"near-blank image: {photons:.0f} background counts and {len(seen.spots)} spots"
    slow, fast = answer.shape
    x, y = answer.geometry.beam_centre_px
    if not is_swung(frame) and not (-0.1 * fast < x < 1.1 * fast and -0.1 * slow < y < 1.1 * slow):
        return "the beam centre seems to be outside the detector"
    if answer.path == "network" and answer.sigma_px > NETWORK_LIMIT_PX:
        many = len(seen.spots) >= MANY_SPOTS
        few = f"{len(seen.spots)} spots without a lattice{HINT if many else ''}, {rings_seen(rings)}"
        known = f"±{answer.sigma_px:.1f} px (limit {NETWORK_LIMIT_PX:g} px)"
        return f"not enough evidence: {few}; the background alone gives {known}"
    if answer.sigma_px > MOST_SIGMA_PX:
        return f"the fit gives the centre only to ±{answer.sigma_px:.1f} px (limit {MOST_SIGMA_PX:g} px)"
    return ""


def lattice_doubts(fit: LatticeFit, options: Options = PLAIN) -> str:
    """Why a lattice is not trusted; empty if it is.

    Another distance than the given one is accepted where the user asked for the fitted one.
    """
    if fit.margin < LATTICE_MARGIN and fit.rival_px is not None:
        fast, slow = fit.rival_px
        return f"ambiguous lattice: a centre at ({fast:.1f}, {slow:.1f}) px explains its spots nearly as well"
    # Four sigma, by hand, as for the note: a distance that the spots hardly determine is not an objection.
    if options.use_fitted_distance and fit.stretch_sigma < MEASURED_STRETCH:
        return ""
    if abs(fit.stretch - 1.0) > max(STRETCH_LIMIT, 4.0 * fit.stretch_sigma):
        given, fitted = fit.geometry.distance_mm, fit.stretch * fit.geometry.distance_mm
        return f"the spots fit a distance of {fitted:.1f} mm, not of {given:g} mm: check the distance"
    return ""


def average(good: Sequence[Prediction], options: Options = PLAIN) -> Prediction:
    """Mean of one or more refined answers, weighted by the inverse of their covariances.

    The covariance of the mean is the inverse of the summed inverses, times chi² per degree of freedom (four
    for each answer but one) where that is above 1. All of `good` have a geometry and a covariance.
    """
    values, weights = [], []
    for p in good:
        assert p.geometry is not None
        assert p.covariance is not None
        values.append([*p.geometry.beam_centre_px, p.geometry.pitch, p.geometry.yaw])
        weights.append(np.linalg.inv(p.covariance))
    total = np.sum(weights, axis=0)
    mean = np.linalg.solve(total, np.sum([w @ v for w, v in zip(weights, values, strict=True)], axis=0))
    residual = np.asarray(values) - mean
    chi2 = np.sum([r @ w @ r for r, w in zip(residual, weights, strict=True)]) / max(4 * (len(good) - 1), 1)
    covariance = np.linalg.inv(total) * max(float(chi2), 1.0)
    first = good[0]
    assert first.geometry is not None
    geometry = replace(
        first.geometry.with_centre((mean[0], mean[1])), pitch=float(mean[2]), yaw=float(mean[3])
    )
    indexed, spots = sum(p.indexed for p in good), sum(p.spots for p in good)
    # The sample of the frame in which the lattice explains most spots.
    best = max(good, key=lambda p: p.indexed)
    answer = replace(_refined(first, first.path, geometry, covariance), indexed=indexed, spots=spots)
    answer = replace(answer, tilt_measured=answer.tilt_measured and all(p.tilt_measured for p in good))
    answer = replace(answer, index=0, notes=(), fitted_distance_mm=None, stretch=None, stretch_sigma=None)
    reason = f"the weighted mean of {len(good)} trusted image{'' if len(good) == 1 else 's'} gives the centre"
    answer = replace(answer, sample=best.sample, reason=f"{reason} to ±{answer.sigma_px:.2f} px")
    fitted = [p.fitted_distance_mm for p in good if p.fitted_distance_mm is not None]
    if fitted and first.path == "rings":
        return averaged_distance(answer, fitted)
    return _with_mean_distance(answer, good, options)


def _with_mean_distance(answer: Prediction, good: Sequence[Prediction], options: Options) -> Prediction:
    """The answer with the mean of the fitted distances, weighted by their variances."""
    fits = [
        (p.fitted_distance_mm / p.stretch, p.stretch, p.stretch_sigma)
        for p in good
        if p.fitted_distance_mm and p.stretch and p.stretch_sigma
    ]
    if not fits:
        return answer
    stretch, sigma = np.array(fits)[:, 1], np.array(fits)[:, 2]
    total = float(np.sum(sigma**-2))
    mean = float(np.sum(stretch / sigma**2) / total)
    chi2 = float(np.sum(((stretch - mean) / sigma) ** 2)) / max(len(fits) - 1, 1)
    return _with_distance(answer, fits[0][0], mean, float(np.sqrt(max(chi2, 1.0) / total)), options)
