"""An answer: beam centre and tilt, how far to trust them, and what they were found from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool

from argand.errors import ConfigError
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.modular import PanelSet, RigidMotion
from argand.physics.still.projection import plane_of
from argand.runs.record import SCHEMA_VERSION
from argand.system import from_config, to_config
from argand.systems.geometry.refine.sample import NOTHING, Sample
from argand.typing import Points2

Path = Literal["lattice", "rings", "network", "none"]


@dataclass(frozen=True)
class FoundSpots:
    """The spots of an image for display: positions (fast, slow) px, and which of them a lattice explains.

    `indexed` is None where the answer does not rest on a lattice.
    """

    px: Points2
    indexed: Bool[np.ndarray, " n"] | None = None


@dataclass(frozen=True)
class Prediction:
    """Beam centre and tilt of one image, or of several images with the same geometry.

    Positions are (fast, slow) px, 0-based, integer = pixel edge. `trusted` says whether the answer may be
    used, and `reason` why or why not. `geometry` is the best estimate even where it is not trusted (None
    where there is no estimate); `sigma_px` is the standard deviation of each coordinate of the centre,
    `tilt_sigma_deg` that of pitch and yaw. `path` names the evidence that decided: `lattice` (Bragg spots),
    `rings` (powder, ice or a calibrant) or `network` (the network alone). `tilt_measured` is false where the
    evidence does not determine the tilt. `fitted_distance_mm` is the distance that fits a lattice or the
    rings of the calibrant best, `stretch` its ratio to the given distance and `stretch_sigma` the standard
    deviation of that ratio; `geometry` keeps the given distance unless a calibrant was named or the fitted
    distance was asked for. `sample` describes the crystal.
    """

    file: str
    index: int
    shape: tuple[int, int]
    trusted: bool
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
    """Covariance matrix of (fast px, slow px, pitch rad, yaw rad)."""
    panels: PanelSet | None = field(default=None, repr=False)
    """Panels as they were given; positions are then px of the upright plane that they are projected to."""

    found: FoundSpots | None = field(default=None, repr=False, compare=False)
    """The spots, for the picture on the page; not part of a record."""

    def __repr__(self) -> str:
        """One line: the image, the centre and its uncertainty, and whether to trust it."""
        image = f"{self.file}#{self.index}" if self.index else self.file
        return f"<Prediction {image}: {self.summary}>"

    @property
    def summary(self) -> str:
        """The centre with its standard deviation, or why it is only a best guess, in one line."""
        if self.geometry is None:
            return f"not trusted ({self.reason})"
        fast, slow = self.geometry.beam_centre_px
        sigma = "" if self.sigma_px is None else f" ± {self.sigma_px:.2f}"
        centre = f"beam centre ({fast:.2f}, {slow:.2f}){sigma} px"
        if not self.trusted:
            return f"not trusted ({self.reason}), best guess: {centre}"
        tilt = self.tilt_deg
        turned = f", pitch {tilt['pitch']:+.2f}°, yaw {tilt['yaw']:+.2f}°" if tilt else ""
        return f"{centre}{turned}, trusted ({self.path})"

    @property
    def beam_centre_px(self) -> tuple[float, float] | None:
        """Where the direct beam meets the detector; None where the answer is not trusted."""
        return self.geometry.beam_centre_px if self.geometry and self.trusted else None

    @property
    def stated_geometry(self) -> BeamGeometry | None:
        """The geometry for files, without a tilt that was not measured; None where not trusted."""
        if self.geometry is None or not self.trusted:
            return None
        return self.geometry if self.tilt_measured else replace(self.geometry, pitch=0.0, yaw=0.0)

    @property
    def moved_panels(self) -> PanelSet | None:
        """All panels moved to `stated_geometry`; None without panels or where not trusted."""
        if self.panels is None or self.stated_geometry is None:
            return None
        upright = plane_of(self.panels).geometry(self.stated_geometry.wavelength)
        return self.panels.moved(RigidMotion.to_geometry(upright, self.stated_geometry))

    @property
    def beam_panel(self) -> dict[str, Any] | None:
        """Name of the panel that the direct beam hits, and where, (fast, slow) px; None if it hits none."""
        found = self.moved_panels.beam_position() if self.moved_panels else None
        return None if found is None else {"name": found[0], "px": found[1]}

    @property
    def poni_px(self) -> tuple[float, float] | None:
        """Point of normal incidence (fast, slow) of `stated_geometry`; None where not trusted."""
        return self.stated_geometry.poni_px if self.stated_geometry else None

    @property
    def tilt_deg(self) -> dict[str, float] | None:
        """Pitch and yaw in degrees; None where they were not measured or the answer is not trusted."""
        if self.geometry is None or not self.trusted or not self.tilt_measured:
            return None
        return {
            "pitch": float(np.degrees(self.geometry.pitch)),
            "yaw": float(np.degrees(self.geometry.yaw)),
        }

    @property
    def shift_px(self) -> tuple[float, float] | None:
        """Predicted beam centre minus the header's, (fast, slow) px."""
        if self.beam_centre_px is None or self.header_beam_centre_px is None:
            return None
        fast, slow = np.subtract(self.beam_centre_px, self.header_beam_centre_px)
        return float(fast), float(slow)

    @property
    def shift_mm(self) -> tuple[float, float] | None:
        """`shift_px` in mm."""
        if self.shift_px is None or self.geometry is None:
            return None
        fast, slow = np.multiply(self.shift_px, self.geometry.pixel_size_mm)
        return float(fast), float(slow)

    @property
    def best_guess_px(self) -> tuple[float, float] | None:
        """The centre of an answer that is not trusted; None where there is no estimate, or it is trusted."""
        return None if self.trusted or self.geometry is None else self.geometry.beam_centre_px

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain numbers and strings: what `predict --json` prints for one image.

        docs/schema/geometry.json describes each key with its unit. `geometry` is the best estimate, trusted
        or not, with angles in radians; `covariance` is that of its centre (px) and angles (radians).
        """
        return {
            "schema_version": SCHEMA_VERSION,
            "file": self.file,
            "index": self.index,
            "frames": self.frames,
            "trusted": self.trusted,
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
            "best_guess_px": self.best_guess_px,
            "network_centre_px": self.network_centre_px,
            "network_sigma_px": self.network_sigma_px,
            "network_tilt_deg": self.network_tilt_deg,
            "distance_mm": self.geometry.distance_mm if self.geometry else None,
            "fitted_distance_mm": self.fitted_distance_mm,
            "stretch": self.stretch,
            "stretch_sigma": self.stretch_sigma,
            **self.sample.to_dict(),
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
            # The names of version 0.1, for one version more.
            "reliable": self.trusted,
            "unreliable_estimate_px": self.best_guess_px,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Prediction":
        """The prediction from what `to_dict` gave; other keys of a record are ignored.

        Raises ConfigError for an incomplete record, and for a detector of panels, since a record does not
        have their positions.
        """
        if record.get("panels"):
            raise ConfigError("a record of a detector of panels does not have their positions")
        covariance = record.get("covariance")
        names = {field.name for field in fields(cls)} - {"covariance", "panels", "sample", "found"}
        answer = from_config(cls, {name: record[name] for name in names if name in record})
        known = {field.name: record[field.name] for field in fields(Sample) if field.name in record}
        try:
            matrix = None if covariance is None else np.array(covariance, float)
        except (TypeError, ValueError) as error:
            raise ConfigError("the covariance of the record is not made of numbers") from error
        if matrix is not None and (matrix.ndim != 2 or len(matrix) != matrix.shape[1]):
            raise ConfigError("the covariance of the record is not square")
        return replace(answer, covariance=matrix, sample=from_config(Sample, known))
