"""Raw data of detectors of many panels: frames, NXmx modules, and what is refused without positions."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from argand.errors import InputError
from argand.io.expt import read_expt
from argand.io.expt_stills import write_expt_panels
from argand.io.geom_panels import write_geom_panels
from argand.io.image import load_mask, read_frame, read_frames, with_overrides
from argand.physics.still.modular import PanelSet
from argand.physics.still.modular_layout import LAYOUTS

COUNTS = np.random.default_rng(1).integers(0, 50, (3, 8, 64, 128)).astype(np.int32)


@pytest.fixture
def panels() -> PanelSet:
    return LAYOUTS["jungfrau-4m"](np.random.default_rng(2), 180.0, 8).panels


def write_modules(path: Path, panels: PanelSet, counts: np.ndarray) -> None:
    """An NXmx file whose modules hang on one translation along the beam."""
    with h5py.File(path, "w") as file:
        file["entry/data/data"] = counts
        file["entry/instrument/beam/incident_wavelength"] = 1.25
        detector = file.create_group("entry/instrument/detector")
        detector.attrs["NX_class"] = "NXdetector"
        file["entry"].attrs["NX_class"] = "NXentry"
        file["entry/instrument"].attrs["NX_class"] = "NXinstrument"
        detector["transformations/z"] = 100.0
        detector["transformations/z"].attrs.update(
            {
                "vector": (0.0, 0.0, 1.0),
                "units": "mm",
                "transformation_type": "translation",
                "depends_on": ".",
            }
        )
        for panel in panels.panels:
            module = detector.create_group(panel.name)
            module.attrs["NX_class"] = "NXdetector_module"
            module["data_origin"] = (*panel.leading, *panel.first)
            module["data_size"] = (*(1 for _ in panel.leading), *panel.shape)
            # NeXus has y up and x to the left where we have neither.
            origin, fast, slow = panel.frame * (-1, -1, 1) - np.array([(0, 0, 100.0), (0, 0, 0), (0, 0, 0)])
            for name, step in (("fast_pixel_direction", fast), ("slow_pixel_direction", slow)):
                size = np.linalg.norm(step)
                module[name] = size
                module[name].attrs.update(
                    {
                        "vector": step / size,
                        "offset": origin,
                        "offset_units": "mm",
                        "units": "mm",
                        "transformation_type": "translation",
                        "depends_on": "/entry/instrument/detector/transformations/z",
                    }
                )


def same_frames(found: PanelSet, true: PanelSet) -> bool:
    return np.allclose([p.frame for p in found.panels], [p.frame for p in true.panels], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["geom", "expt"])
def test_panels_of_a_file_make_one_frame_of_a_stack(tmp_path: Path, panels: PanelSet, kind: str) -> None:
    np.save(tmp_path / "a.npy", COUNTS)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry/data/data"] = COUNTS
    write_geom_panels(tmp_path / "a.geom", panels, 1.3)
    write_expt_panels(tmp_path / "a.expt", panels, 1.3, ["a.h5"], (0, 1e6))
    for name in ("a.npy", "a.h5"):
        frames = list(read_frames(tmp_path / name, geometry=tmp_path / f"a.{kind}"))
        assert [frame.index for frame in frames] == [0, 1, 2]
        for frame, counts in zip(frames, COUNTS, strict=True):
            assert np.array_equal(frame.data, counts.reshape(512, 128))
            assert frame.raw_shape == (8, 64, 128)
            assert frame.mask.all()
            assert frame.wavelength == pytest.approx(1.3)
            assert frame.panels is not None
            assert same_frames(frame.panels, panels)
    (model,) = read_expt(tmp_path / "a.expt")
    frame = next(read_frames(tmp_path / "a.h5#2", model=model))
    assert np.array_equal(frame.data, COUNTS[2].reshape(512, 128))
    assert frame.panels == model.panels


def test_modules_of_nxmx_need_no_other_file(tmp_path: Path, panels: PanelSet) -> None:
    write_modules(tmp_path / "a.nxs", panels, COUNTS)
    frames = list(read_frames(tmp_path / "a.nxs"))
    assert len(frames) == 3
    assert frames[0].panels is not None
    assert same_frames(frames[0].panels, panels)
    assert frames[0].distance_mm == pytest.approx(panels.distance_mm)
    assert frames[0].wavelength == pytest.approx(1.25)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["entry/data/data"] = COUNTS
    frame = read_frame(tmp_path / "b.h5", 1, geometry=tmp_path / "a.nxs")
    assert frame.panels == frames[0].panels


def test_a_module_without_a_place_is_told(tmp_path: Path, panels: PanelSet) -> None:
    write_modules(tmp_path / "a.nxs", panels, COUNTS)
    with h5py.File(tmp_path / "a.nxs", "a") as file:
        del file["entry/instrument/detector/p3/data_origin"]
    with pytest.raises(InputError, match="one of its 8 modules does not state its position"):
        read_frame(tmp_path / "a.nxs")


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((2, 8, 512, 1024), "8 panels of 512 x 1024 px"),
        ((2, 4112, 1030), "8 panels of 514 x 1030 px"),
        ((16, 512, 128), "16 panels of 512 x 128 px"),
        ((1, 8192, 128), "16 panels of 512 x 128 px"),
        ((2, 16, 352, 384), "16 panels of 352 x 384 px"),
        ((1, 1480, 1552), "64 panels of 185 x 194 px"),
        ((32, 185, 388), "32 panels of 185 x 388 px"),
    ],
)
@pytest.mark.parametrize("suffix", ["h5", "npy"])
def test_raw_panels_without_positions_are_never_whole_images(
    tmp_path: Path, shape: tuple[int, ...], said: str, suffix: str
) -> None:
    path = tmp_path / f"a.{suffix}"
    if suffix == "npy":
        np.save(path, np.zeros(shape, np.uint8))
    else:
        with h5py.File(path, "w") as file:
            file.create_dataset("entry/data/data", shape, np.uint8, chunks=(1, *shape[1:]))
    expected = rf"{path.name}: {said}: give their positions with --geometry \(\.geom, \.expt\)$"
    with pytest.raises(InputError, match=expected):
        read_frame(path)


@pytest.mark.parametrize(
    "shape", [(2, 512, 1024), (2, 1, 64, 64), (4, 1024, 1024), (3, 514, 1030), (2167, 2070)]
)
def test_ordinary_stacks_are_images_as_before(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("entry/data/data", shape, np.uint8)
    assert read_frame(tmp_path / "a.h5").shape == shape[-2:]


def test_a_geometry_of_another_detector_is_refused(tmp_path: Path, panels: PanelSet) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry/data/data"] = COUNTS[:, :7]
    write_geom_panels(tmp_path / "a.geom", panels, 1.3)
    with pytest.raises(InputError, match="panel p7 of the geometry is outside the image of 7 x 64 x 128 px"):
        read_frame(tmp_path / "a.h5", geometry=tmp_path / "a.geom")
    single = PanelSet((LAYOUTS["cspad"](np.random.default_rng(1), 100.0, 4).panels.panels[0],))
    write_geom_panels(tmp_path / "b.geom", single, 1.3)
    with pytest.raises(InputError, match="its images have 3 axes, and 2 by the geometry"):
        read_frame(tmp_path / "a.h5", geometry=tmp_path / "b.geom")
    with pytest.raises(InputError, match=r"a\.poni: no positions of panels"):
        read_frame(tmp_path / "a.h5", geometry=tmp_path / "a.poni")


def test_what_is_stated_of_panels(tmp_path: Path, panels: PanelSet) -> None:
    np.save(tmp_path / "a.npy", COUNTS)
    np.save(tmp_path / "mask.npy", (COUNTS[0] > 40).astype(np.uint8))
    frame = read_frame(tmp_path / "a.npy", geometry=write(tmp_path, panels))
    moved = with_overrides(frame, distance_mm=200.0, mask=load_mask(tmp_path / "mask.npy"))
    assert moved.panels is not None
    assert moved.panels.distance_mm == pytest.approx(200.0)
    assert moved.distance_mm == pytest.approx(200.0)
    assert np.array_equal(moved.mask, (COUNTS[0] <= 40).reshape(512, 128))
    with pytest.raises(InputError, match="the panels state the pixel size; leave out --pixel-size"):
        with_overrides(frame, pixel_size_mm=(0.1, 0.1))


def write(folder: Path, panels: PanelSet) -> Path:
    write_geom_panels(folder / "a.geom", panels, 1.3)
    return folder / "a.geom"
