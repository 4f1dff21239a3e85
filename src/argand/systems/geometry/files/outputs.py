"""The output folder of a run: geometry files, pictures, a table, JSON lines and a page.

All files are written under another name and moved into place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from argand.io.atomic import write_lines
from argand.io.expt import ExptImages, correct_expt, read_expt
from argand.io.expt_content import list_stem
from argand.io.image import Frame
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.modular import PanelSet
from argand.runs import folder as runs
from argand.runs.course import Failure
from argand.runs.record import Record
from argand.systems.geometry.files.batch import FrameAnswer
from argand.systems.geometry.files.geometry_files import FORMATS, answer_formats, write_answer
from argand.systems.geometry.files.pooling import FrameGroup
from argand.systems.geometry.files.record import TABLE, failed, frame_record, stem, to_csv
from argand.systems.geometry.refine.modular import flat_image, plane_geometry
from argand.systems.geometry.refine.prediction import Prediction

MOST_ZOOMED = 24
"""First images of a run of which all pixels are written for its page. By hand: 3 to 11 MB each (measured:
Pilatus 6M, Eiger 16M of 10 counts a pixel), and whoever looks at single pixels looks at a few images."""


@dataclass(frozen=True)
class Outputs:
    """What is written for each answer, and where; nothing without a folder."""

    folder: Path | None = None
    formats: Sequence[str] = FORMATS
    overlay: bool = True

    def write(self, name: str, answer: FrameAnswer, pixels: bool = True) -> Record:
        """Write geometry files and pictures of an answer under `name`; returns its record.

        All `pixels` are written, or only the small image.
        """
        frame, prediction = answer.frame, answer.prediction
        record = frame_record(frame, prediction) | {"name": name}
        record["downloads"] = self.write_geometry(name, prediction, frame, [(frame.path, frame.index)])
        if self.folder is not None and self.overlay:
            from argand.page.pixels import shrink
            from argand.systems.geometry.files.overlay import draw_overlay
            from argand.systems.geometry.files.zoom import write_zoom, zoom_files

            flat = flat_image(frame)
            record["overlay"] = f"{name}.png"
            shrunk = shrink(flat.data, flat.mask)
            draw_overlay(self.folder / record["overlay"], flat, prediction, shrunk)
            zoom = zoom_files(name, flat, prediction.found, shrunk, pixels)
            record |= write_zoom(self.folder, zoom)
        return record

    def write_geometry(
        self, name: str, prediction: Prediction, frame: Frame, images: list[tuple[str, int]]
    ) -> list[str]:
        """Write the formats asked for and return their names; none for an answer that is not trusted."""
        if self.folder is None or prediction.stated_geometry is None:
            return []
        written = []
        for form in answer_formats(prediction, self.formats):
            path = self.folder / f"{name}.{form}"
            write_answer(path, form, prediction, frame, images)
            written.append(path.name)
        return written


@dataclass
class RunFolder(runs.RunFolder):
    """The output folder of a run, with geometry files, pictures and a table."""

    formats: Sequence[str] = FORMATS
    overlay: bool = True
    _geometries: dict[str, tuple[BeamGeometry, PanelSet | None]] = field(default_factory=dict)

    def __enter__(self) -> "RunFolder":
        super().__enter__()
        return self

    @property
    def outputs(self) -> Outputs:
        """What is written for each answer."""
        return Outputs(self.folder, self.formats, self.overlay)

    def write_results(self, folder: Path) -> None:
        """Write the records as JSON lines and as CSV."""
        super().write_results(folder)
        write_lines(folder / TABLE, to_csv(self.all_records).splitlines())

    def written(self, record: Record) -> list[str]:
        """Geometry files and picture of a record."""
        return [*record.get("downloads", []), *super().written(record)]

    def failed_before(self, file: str) -> list[int]:
        """Images of a file that had no answer in an earlier run."""
        return [one.get("index") or 0 for one in self._earlier.get(file, []) if one.get("failed")]

    def add(self, outcome: FrameAnswer | Failure) -> Record:
        """Write the outputs of one answer or failure and return its record."""
        if isinstance(outcome, Failure):
            return self.keep(failed(outcome))
        name = self.unused(stem(outcome.frame.path, outcome.frame.index))
        record = self.outputs.write(name, outcome, len(self.records) < MOST_ZOOMED)
        self.note(record, outcome.prediction)
        return self.keep(record)

    def note(self, record: Record, prediction: Prediction) -> None:
        """Remember the geometry of an answer whose outputs are written, for `correct`."""
        geometry = prediction.stated_geometry
        if geometry is not None:
            self._geometries[record["name"]] = geometry, prediction.moved_panels

    @cached_property
    def others(self) -> list[Record]:
        """As of `runs.RunFolder`, without pooled answers for images of this run, which are replaced."""
        told = super().others
        return [
            one for one in told if not (one.get("pooled") and self._asked_files & set(one.get("files", [])))
        ]

    def add_pooled(self, group: FrameGroup, outcome: Prediction | Failure) -> Record:
        """Write the outputs of the answer for a group of frames and return its record."""
        if isinstance(outcome, Failure):
            return self.keep(failed(outcome) | {"files": group.files})
        name = self.unused("pooled")
        record = outcome.to_dict() | {"name": name, "pooled": True, "files": group.files, "downloads": []}
        images = [(prediction.file, prediction.index) for prediction in group.predictions]
        if self.folder is not None and outcome.trusted:
            frame = group.frames[0]
            record["downloads"] = self.outputs.write_geometry(name, outcome, frame, images)
        self.note(record, outcome)
        return self.keep(record)

    def correct(self, source: str) -> Path | None:
        """Write a copy of the DIALS experiment list `source` with the geometry found for each detector.

        The pooled answer takes precedence over those of single frames; an imageset without a trusted answer
        keeps its geometry. Returns the new file, or None where there is nothing to correct.
        """
        if self.folder is None or "expt" not in self.formats:
            return None
        found = read_expt(source)
        new = [self._found_for(images) for images in found]
        if not any(new):
            return None
        path = self.folder / f"{list_stem(source)}_corrected.expt"
        kept = [geometry or images.geometry for geometry, images in zip(new, found, strict=True)]
        correct_expt(path, source, kept)
        return path

    def _found_for(self, images: ExptImages) -> BeamGeometry | None:
        """The pooled geometry of the images' files, else that of the first image with a trusted answer.

        For panels, the geometry of the plane of the list's own panels, which `--distance` may have moved.
        """
        wanted = set(images.frames)
        files = {file for file, _ in wanted}
        sure = [record for record in self.records if record["trusted"] and record["name"] in self._geometries]
        pooled = [record for record in sure if record["pooled"] and files & set(record["files"])]
        single = [record for record in sure if (record["file"], record["index"]) in wanted]
        found = next((self._geometries[record["name"]] for record in pooled + single), None)
        if found is None or images.panels is None:
            return None if found is None else found[0]
        geometry, panels = found
        return geometry if panels is None else plane_geometry(images.panels, panels, geometry.wavelength)
