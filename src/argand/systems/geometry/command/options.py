"""Options that several verbs of `argand geometry` share, and what they mean for the predictor."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from argand.runs.verbs import ADVANCED, completed_by

Evidence = Literal["both", "background", "spots"]
FORMATS = ("expt", "poni", "geom", "xds")
"""Names of geometry formats, as in `files.geometry_files`, which is slow to import."""


def _calibrants(incomplete: str) -> list[str]:
    """Calibrants that complete a name in the shell."""
    from argand.physics.still.calibrant import CALIBRANTS  # numpy, which no help needs

    return completed_by(CALIBRANTS)(incomplete)


Mask = Annotated[
    Path | None, typer.Option(help="Image or array file; only pixels with the value 0 are used.")
]
Wavelength = Annotated[
    float | None, typer.Option(help="Wavelength in Å, in place of the header's.", min=0.01)
]
Distance = Annotated[
    float | None, typer.Option(help="Detector distance in mm, in place of the header's.", min=0.1)
]
# Lower ends, by hand: they exclude zero; predict.py refuses values that must be in another unit.
PixelSize = Annotated[
    float | None, typer.Option(help="Pixel size in mm, in place of the header's.", min=0.0001)
]
PanelFile = Annotated[
    Path | None,
    typer.Option("--geometry", help="Positions of the detector's panels: a .geom, .expt or NXmx file."),
]
CalibrantName = Annotated[
    str | None,
    typer.Option(
        "--calibrant",
        help="Powder that makes the rings, such as LaB6; the distance is then fitted too.",
        autocompletion=_calibrants,
    ),
]
TwoTheta = Annotated[
    float | None,
    typer.Option(
        help="Two theta of the detector arm in degrees, in place of the header's.",
        min=-120.0,
        max=120.0,
        rich_help_panel=ADVANCED,
    ),
]
# 0.05, by hand: no detector is known to be mounted more accurately.
MaxTilt = Annotated[
    float | None,
    typer.Option(
        help="Largest possible tilt of the detector in degrees, if known.",
        min=0.05,
        max=10.0,
        rich_help_panel=ADVANCED,
    ),
]
UseFitted = Annotated[
    bool,
    typer.Option(
        "--use-fitted-distance",
        help="Use the distance fitted to the spots instead of the given one, where they determine it.",
        rich_help_panel=ADVANCED,
    ),
]
EvidenceChoice = Annotated[
    Evidence, typer.Option(help="Use only this part of an image, for comparison.", rich_help_panel=ADVANCED)
]
HitsOnly = Annotated[
    bool,
    typer.Option(
        "--hits-only",
        help="Skip images with fewer spots than --hit-spots, without an answer.",
        rich_help_panel=ADVANCED,
    ),
]
HitSpots = Annotated[
    int, typer.Option(help="Least number of spots of a hit.", min=1, rich_help_panel=ADVANCED)
]


def predictor_of(weights: Path | None) -> Any:
    """The predictor with these weights, or the shipped ones."""
    from argand.systems.geometry import predict as module

    return module.load() if weights is None else module.load(weights)


def stated_values(
    wavelength: float | None,
    distance: float | None,
    pixel_size: float | None,
    mask: Path | None = None,
    two_theta: float | None = None,
    geometry: Path | None = None,
) -> Any:
    """The values that replace those of the headers."""
    from argand.io.image import load_mask
    from argand.systems.geometry.files.batch import Stated

    both = None if pixel_size is None else (pixel_size, pixel_size)
    loaded = None if mask is None else load_mask(mask)
    return Stated(wavelength, distance, both, loaded, two_theta, geometry)


def prediction_options(
    evidence: Evidence,
    calibrant: str | None,
    max_tilt: float | None,
    use_fitted_distance: bool,
    least_spots: int,
) -> Any:
    """How images are predicted; ConfigError for an unknown calibrant."""
    from argand.physics.still.calibrant import calibrant_name
    from argand.systems.geometry.refine.options import Options

    name = None if calibrant is None else calibrant_name(calibrant)
    return Options(
        evidence,
        max_tilt_deg=max_tilt,
        calibrant=name,
        use_fitted_distance=use_fitted_distance,
        least_spots=least_spots,
    )
