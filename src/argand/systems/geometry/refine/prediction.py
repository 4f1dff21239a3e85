"""What a prediction says: the answer, how far to trust it, and what it was made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np

from argand.errors import ConfigError
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.modular import PanelSet, RigidMotion
from argand.physics.still.projection import plane_of
from argand.system import from_config, to_config
from argand.systems.geometry.refine.sample import NOTHING, Sample

Path = Literal["lattice", "rings", "network", "none"]
SCHEMA_VERSION = 2
"""Version of the keys of `to_json`, raised where one changes its meaning or goes; new ones may come without.
1 had neither this key nor what is known of the sample."""


@dataclass(frozen=True)
class Prediction:
    """Beam centre and tilt of one image, or of several of one geometry.

    Positions are (fast, slow) px, 0-based, integer = pixel edge. `geometry` is the best estimate even
    where `reliable` is false (None where there is none at all); `sigma_px` is the standard deviation of
    each coordinate of the centre, `tilt_sigma_deg` that of pitch and yaw. `path` says which evidence
    decided: the lattice of the Bragg spots, the rings of the background, or the network alone.
    `tilt_measured` is false where the evidence says nothing about the tilt. `fitted_distance_mm` is the
    distance that a lattice or the rings of a named calibrant fit best, `stretch` that over the given one and
    `stretch_sigma` its standard deviation; `geometry` keeps the given one, with a calibrant or where it is
    asked for the fitted. `sample` is what the spots say of the crystal.
    """

    file: str
    index: int
    shape: tuple[int, int]
    reliable: bool
    reason: str
    path: Path
    geometry: BeamGeometry | None
    sigma_px: float | None
    tilt_sigma_deg: tuple[float, float] | None
    tilt_measured: bool
    header_beam_centre_px: tuple[float, float] | None
    network_centre_px: tuple[float, float] | None
    network_sigma_px: float | None
    network_tilt_deg: tuple[float, float] | None
    spots: int
    indexed: int
    rms_px: float | None
    seconds: float
    notes: tuple[str, ...] = ()
    frames: int = 1
    fitted_distance_mm: float | None = None
    stretch: float | None = None
    stretch_sigma: float | None = None
    sample: Sample = NOTHING
    covariance: np.ndarray | None = field(default=None, repr=False, compare=False)
    """Of (fast px, slow px, pitch rad, yaw rad)."""
    panels: PanelSet | None = field(default=None, repr=False)
    """Panels as they were given; positions are then px of the upright plane that they are projected to."""

    @property
    def beam_centre_px(self) -> tuple[float, float] | None:
        """Where the direct beam meets the detector; None without a reliable answer."""
        return self.geometry.beam_centre_px if self.geometry and self.reliable else None

    @property
    def stated_geometry(self) -> BeamGeometry | None:
        """What geometry files say: a tilt that was not measured is taken for none; None if not reliable."""
        if self.geometry is None or not self.reliable:
            return None
        return self.geometry if self.tilt_measured else replace(self.geometry, pitch=0.0, yaw=0.0)

    @property
    def moved_panels(self) -> PanelSet | None:
        """All panels where `stated_geometry` puts them; None without panels or a reliable answer."""
        if self.panels is None or self.stated_geometry is None:
            return None
        upright = plane_of(self.panels).geometry(self.stated_geometry.wavelength)
        return self.panels.moved(RigidMotion.to_geometry(upright, self.stated_geometry))

    @property
    def beam_panel(self) -> dict[str, Any] | None:
        """Name of the panel that the direct beam meets and where, (fast, slow) px; None if it meets none."""
        found = self.moved_panels.beam_position() if self.moved_panels else None
        return None if found is None else {"name": found[0], "px": found[1]}

    @property
    def poni_px(self) -> tuple[float, float] | None:
        """Foot of the perpendicular from the sample in `stated_geometry`; None without a reliable answer."""
        return self.stated_geometry.poni_px if self.stated_geometry else None

    @property
    def tilt_deg(self) -> dict[str, float] | None:
        """Pitch and yaw in degrees; None where they were not measured or are not reliable."""
        if self.geometry is None or not self.reliable or not self.tilt_measured:
            return None
        return {
            "pitch": float(np.degrees(self.geometry.pitch)),
            "yaw": float(np.degrees(self.geometry.yaw)),
        }

    @property
    def shift_px(self) -> tuple[float, float] | None:
        """From the header's beam centre to the predicted one."""
        if self.beam_centre_px is None or self.header_beam_centre_px is None:
            return None
        fast, slow = np.subtract(self.beam_centre_px, self.header_beam_centre_px)
        return float(fast), float(slow)

    @property
    def shift_mm(self) -> tuple[float, float] | None:
        """The same in mm."""
        if self.shift_px is None or self.geometry is None:
            return None
        fast, slow = np.multiply(self.shift_px, self.geometry.pixel_size_mm)
        return float(fast), float(slow)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON.

        `geometry` is the best estimate, reliable or not, its angles in radians, and `covariance` that of its
        centre (px) and angles.
        """
        estimate = self.geometry.beam_centre_px if self.geometry else None
        return {
            "schema_version": SCHEMA_VERSION,
            "file": self.file,
            "index": self.index,
            "frames": self.frames,
            "reliable": self.reliable,
            "reason": self.reason,
            "path": self.path,
            "beam_centre_px": self.beam_centre_px,
            "sigma_px": self.sigma_px,
            "tilt_deg": self.tilt_deg,
            "tilt_sigma_deg": self.tilt_sigma_deg,
            "poni_px": self.poni_px,
            "header_beam_centre_px": self.header_beam_centre_px,
            "shift_px": self.shift_px,
            "shift_mm": self.shift_mm,
            "unreliable_estimate_px": None if self.reliable else estimate,
            "network_centre_px": self.network_centre_px,
            "network_sigma_px": self.network_sigma_px,
            "network_tilt_deg": self.network_tilt_deg,
            "distance_mm": self.geometry.distance_mm if self.geometry else None,
            "fitted_distance_mm": self.fitted_distance_mm,
            "stretch": self.stretch,
            "stretch_sigma": self.stretch_sigma,
            **self.sample.to_json(),
            "wavelength": self.geometry.wavelength if self.geometry else None,
            "spots": self.spots,
            "indexed": self.indexed,
            "rms_px": self.rms_px,
            "panels": None if self.panels is None else len(self.panels.panels),
            "beam_panel": self.beam_panel,
            "seconds": self.seconds,
            "notes": list(self.notes),
            "shape": self.shape,
            "geometry": None if self.geometry is None else to_config(self.geometry),
            "tilt_measured": self.tilt_measured,
            "covariance": None if self.covariance is None else self.covariance.tolist(),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Prediction":
        """The prediction that `to_json` told of; what else a record holds is left out.

        Raises ConfigError for a record that is no whole one, and for one of panels, whose positions it lacks.
        """
        if record.get("panels"):
            raise ConfigError("the record of a detector of panels does not hold where they stand")
        covariance = record.get("covariance")
        names = {field.name for field in fields(cls)} - {"covariance", "panels", "sample"}
        answer = from_config(cls, {name: record[name] for name in names if name in record})
        known = {field.name: record[field.name] for field in fields(Sample) if field.name in record}
        try:
            matrix = None if covariance is None else np.array(covariance, float)
        except (TypeError, ValueError) as error:
            raise ConfigError("the record has no numbers for its covariance") from error
        if matrix is not None and (matrix.ndim != 2 or len(matrix) != matrix.shape[1]):
            raise ConfigError("the covariance of the record is not square")
        return replace(answer, covariance=matrix, sample=from_config(Sample, known))
