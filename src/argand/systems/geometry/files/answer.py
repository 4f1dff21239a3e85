"""The answer that `Predictor.predict` gives: a prediction with its image, for pictures and geometry files."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from argand.errors import ArgandError, ConfigError, InputError
from argand.io.image import Frame
from argand.page.notebook import html_card
from argand.runs.answers import dataframe
from argand.systems.geometry.refine.modular import flat_image
from argand.systems.geometry.refine.prediction import Prediction

if TYPE_CHECKING:
    from pandas import DataFrame

SUFFIXES = {".expt": "expt", ".poni": "poni", ".geom": "geom", ".xds": "xds", ".inp": "xds"}
"""Suffixes of geometry files -> their format."""
PICTURE_DPI = 55
"""Of the picture in a notebook. By hand: 730 px wide, about as wide as its cells."""


def _no_image() -> Frame:
    raise InputError("this answer does not know its image; predict it again")


@dataclass(frozen=True, repr=False)
class ImagePrediction(Prediction):
    """A prediction that knows its image, so that it can be drawn and written.

    The image of a file is read again when it is needed, so that many answers take little memory.
    """

    read: Callable[[], Frame] = field(default=_no_image, compare=False)
    """Gives the image; InputError where its file is gone."""

    @classmethod
    def of(cls, prediction: Prediction, read: Callable[[], Frame]) -> "ImagePrediction":
        """A prediction with what gives its image."""
        known = {one.name: getattr(prediction, one.name) for one in fields(Prediction)}
        return cls(**known, read=read)

    def write(self, path: str | Path) -> Path:
        """Write the geometry as a file for another program, by its suffix, and return its path.

        `.expt` (DIALS), `.poni` (pyFAI), `.geom` (CrystFEL), `.xds` or `.INP` (XDS); a detector of panels
        takes `.expt` and `.geom`. Raises ConfigError for another suffix, InputError for an answer that is not
        trusted, and OutputError if the disk refuses.
        """
        from argand.systems.geometry.files.geometry_files import write_answer

        path = Path(path)
        form = SUFFIXES.get(path.suffix.lower())
        if form is None:
            raise ConfigError(f"{path}: not the suffix of a geometry file; give one of {', '.join(SUFFIXES)}")
        if not self.trusted:
            raise InputError(f"{self.file}: not trusted ({self.reason}), so that no geometry file is written")
        frame = self.read()
        if form == "expt" and not Path(frame.path).exists():
            raise ConfigError(f"{path}: an .expt names a file of images, and this answer is for {frame.path}")
        write_answer(path, form, self, frame, [(frame.path, frame.index)])
        return path

    def picture(self) -> bytes:
        """The overlay as PNG: the image, rings of constant resolution, header's and predicted centre."""
        from argand.systems.geometry.files.overlay import figure_png, overlay_figure

        return figure_png(overlay_figure(flat_image(self.read()), self), PICTURE_DPI)

    def to_dataframe(self) -> "DataFrame":
        """The answer as a pandas DataFrame of one row; MissingExtraError without pandas."""
        return dataframe([self.to_dict()])

    def _repr_html_(self) -> str:
        """A picture and a table, for notebooks."""
        try:
            picture = self.picture()
        except (ArgandError, OSError):  # The file is gone; the numbers remain.
            picture = None
        from argand.systems.geometry.files.overlay import number_rows

        rows = {name or "shift, mm": value for name, value, _ in number_rows(self) if value}
        name = Path(self.file).name + (f" #{self.index}" if self.index else "")
        note = f"{'trusted' if self.trusted else 'not trusted'}: {self.reason}"
        return html_card(name, rows, picture, note, self.trusted)
