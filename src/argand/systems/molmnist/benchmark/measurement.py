"""A set that is measured otherwise than its preset says: window, radiation, photons, beam stop, blur."""

from dataclasses import dataclass, replace
from pathlib import Path

from argand.errors import ConfigError
from argand.physics.coherent.exposure import Detector
from argand.physics.coherent.projection import Radiation, Window
from argand.systems.molmnist.system import Molmnist


@dataclass(frozen=True)
class Measurement:
    """What a set takes in place of its preset's; None leaves that as it is.

    `window` is a side in Å, `size` its pixels, `wavelength` in Å, `photons` are expected on all measured
    pixels, `beam_stop` is a q in 1/Å, `blur` in pixels, `trajectories` are folders of molecular dynamics.
    """

    size: int | None = None
    window: float | None = None
    radiation: Radiation = "xray"
    wavelength: float | None = None
    photons: float | None = None
    beam_stop: float | None = None
    blur: float | None = None
    trajectories: tuple[Path, ...] = ()

    def applied(self, system: Molmnist) -> Molmnist:
        """The system measured so; ConfigError for what does not go together."""
        known = system.imaging.window
        imaging = replace(
            system.imaging,
            window=Window(self.window or known.side, self.size or known.size),
            radiation=self.radiation,
        )
        if (self.beam_stop or 0.0) >= float(imaging.window.q.max()):
            raise ConfigError(f"a beam stop of {self.beam_stop:g} 1/Å hides the whole pattern; give less")
        self._require_known(system)
        if system.bundles is not None or system.detector is not None:
            imaging = replace(imaging, wavelength=self.wavelength)
            return replace(system, imaging=imaging, detector=self._detector(system.detector or Detector()))
        given = {"wavelength": self.wavelength, "photons": self.photons}
        given |= {"beam_stop": self.beam_stop, "blur_px": self.blur}
        imaging = replace(imaging, **{name: value for name, value in given.items() if value is not None})
        folders = tuple(map(str, self.trajectories))
        return replace(system, imaging=imaging, trajectories=folders or system.trajectories)

    def _require_known(self, system: Molmnist) -> None:
        if system.structures is not None and self.trajectories:
            raise ConfigError("give frames of a molecule as TOPOLOGY:TRAJECTORY; leave --trajectory out")
        if system.bundles is not None and self.trajectories:
            raise ConfigError("bundles of any outline have no molecular dynamics; leave --trajectory out")
        if system.bundles is not None and self.wavelength is not None:
            raise ConfigError("bundles are seen on a flat Ewald sphere; leave --wavelength out")

    def _detector(self, detector: Detector) -> Detector:
        """The detector with one value where it drew from a range."""
        given = {"photons": self.photons, "beam_stop": self.beam_stop, "blur_px": self.blur}
        return replace(
            detector, **{name: (value, value) for name, value in given.items() if value is not None}
        )
