"""Samples of bundles: drawn, posed, and seen by a detector."""

import numpy as np

from argand.physics.coherent.composition import ELECTRONS
from argand.physics.coherent.exposure import Detector, expose
from argand.physics.coherent.projection import histogram
from argand.physics.fibre.twist import DEG_PER_NM
from argand.systems.molmnist.ensemble.rod_ensemble import RodPose, draw_rod
from argand.systems.molmnist.fibril.bundle import OUTLINES, Bundles, draw_bundle, occupancy
from argand.systems.molmnist.fibril.cellulose import cellulose
from argand.systems.molmnist.simulate import Imaging


def simulate_bundle(
    plan: Bundles, detector: Detector, imaging: Imaging, split: int, random: np.random.Generator
) -> dict[str, np.ndarray]:
    """A bundle of a split, in any pose, as a detector with gaps, background and few photons sees it.

    Positions and amplitudes are of double precision, so that electrons per pixel and counts are the same on
    every machine.
    """
    window = imaging.window
    bundle = draw_bundle(plan, split, random)
    pose = _drawn_pose(plan, random)
    rod = draw_rod(bundle, pose, random)
    cart = np.concatenate(list(rod.atoms.values()))
    weight = np.concatenate([np.full(len(part), ELECTRONS[name]) for name, part in rod.atoms.items()])
    exposure = detector.draw(window, random)
    intensity = imaging.precise_camera.intensity(rod.atoms)
    turn = abs(rod.twist) * pose.length
    return {
        "shape": histogram(cart, weight, window).astype(np.uint16),
        "pattern": expose(intensity, exposure, detector, window, random),
        "live": exposure.live,
        "sites": occupancy(bundle.sites).astype(np.uint8),
        "chains": np.array(len(bundle), np.uint8),
        "outline": np.array(OUTLINES.index(bundle.outline), np.uint8),
        "missing": np.array(bundle.missing, np.uint8),
        "split": np.array(split, np.uint8),
        "turn_deg": np.array(np.degrees(turn), np.float32),
        "twist_deg_per_nm": np.array(DEG_PER_NM * rod.twist, np.float32),
        "length": np.array(pose.length, np.float32),
        "rotation_deg": np.array(np.degrees(pose.rotation), np.float32),
        "tilt_deg": np.array(np.degrees(pose.tilt), np.float32),
        "tilt_azimuth_deg": np.array(np.degrees(pose.tilt_azimuth), np.float32),
        "photons": np.array(exposure.photons, np.float32),
        "background": np.array(exposure.background, np.float32),
        "blur_px": np.array(exposure.blur_px, np.float32),
    }


def _drawn_pose(plan: Bundles, random: np.random.Generator) -> RodPose:
    """Length, twist, turn and tilt as the plan has them."""
    repeats = round(float(random.uniform(*plan.lengths)) / (2 * cellulose().rise))
    twist = float(random.uniform(-plan.twist_deg_per_nm, plan.twist_deg_per_nm)) / DEG_PER_NM
    # Flat in the solid angle: the square of a small angle is.
    tilt = np.radians(plan.tilt_deg) * float(np.sqrt(random.uniform()))
    return RodPose(
        repeats, twist, float(random.uniform(0, 2 * np.pi)), tilt, float(random.uniform(0, 2 * np.pi))
    )
