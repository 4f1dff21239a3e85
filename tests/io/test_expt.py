"""DIALS experiment lists: geometry in any laboratory frame, images, corrections that keep all else."""

import bz2
import gzip
import json
import subprocess
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from fabio.cbfimage import CbfImage
from scipy.spatial.transform import Rotation

from argand.errors import InputError
from argand.io.expt import correct_expt, read_expt, write_expt
from argand.io.expt_content import is_experiment_list, list_stem
from argand.io.image import expand_inputs, inputs_with_models, read_frame, read_frames
from argand.physics.still.detector import BeamGeometry

PIXEL = 0.1
TILTED = BeamGeometry((310.25, 402.5), 180.0, 0.98, (0.1, 0.12), pitch=0.03, yaw=-0.07)
DIALS_PYTHON = "/usr/bin/python3"


def panel(
    origin: Any, fast: Any, slow: Any, size: tuple[int, int] = (600, 800), **extra: Any
) -> dict[str, Any]:
    axes = {"origin": list(origin), "fast_axis": list(fast), "slow_axis": list(slow)}
    return axes | {"image_size": list(size), "pixel_size": [PIXEL, PIXEL], "gain": 1.5} | extra


def expt(panels: list[dict[str, Any]], direction: Any = (0.0, 0.0, 1.0), **extra: Any) -> dict[str, Any]:
    experiment = {"__id__": "Experiment", "identifier": "one", "beam": 0, "detector": 0, "imageset": 0}
    return {
        "__id__": "ExperimentList",
        "experiment": [experiment],
        "imageset": [{"__id__": "ImageSet", "images": ["a.cbf"], "mask": "m.pickle"}],
        "beam": [{"direction": list(direction), "wavelength": 1.1}],
        "detector": [{"panels": panels}],
        "scan": [],
        "crystal": [{"__id__": "crystal", "space_group_hall_symbol": " P 1"}],
    } | extra


def saved(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def close(first: BeamGeometry, second: BeamGeometry) -> bool:
    values = [
        (*g.beam_centre_px, g.distance_mm, g.wavelength, *g.pixel_size_mm, g.pitch, g.yaw)
        for g in (first, second)
    ]
    return bool(np.allclose(*values, rtol=0, atol=1e-9))


def by_hand(pitch: float, yaw: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Origin, fast and slow axis of a detector met at (310, 402) px after 180 mm, in dxtbx's usual frame.

    Written out from the definition: pitch about x first, then yaw about y, in a frame with y down
    and z along the beam; dxtbx has y up and z towards the source, so both change their sign.
    """
    cp, sp, cy, sy = np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw)
    fast = np.array([cy, 0.0, sy])
    slow = np.array([sy * sp, -cp, -cy * sp])
    return np.array([0.0, 0.0, -180.0]) - 31.0 * fast - 40.2 * slow, fast, slow


def test_usual_orientation_by_hand(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.expt", expt([panel((-31.0, 40.2, -180.0), (1, 0, 0), (0, -1, 0))]))
    (images,) = read_expt(path)
    assert close(images.geometry, BeamGeometry((310.0, 402.0), 180.0, 1.1, (PIXEL, PIXEL)))
    assert images.shape == (800, 600)
    assert images.frames == ((str(tmp_path / "a.cbf"), 0),)


@pytest.mark.parametrize(("pitch", "yaw"), [(0.02, 0.0), (0.0, -0.03), (0.05, 0.08), (0.0, 0.52)])
def test_tilt_by_hand_in_any_frame_of_the_laboratory(tmp_path: Path, pitch: float, yaw: float) -> None:
    expected = BeamGeometry((310.0, 402.0), 180.0, 1.1, (PIXEL, PIXEL), pitch, yaw)
    for seed in range(4):
        turn = np.eye(3) if seed == 0 else Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
        if seed == 3:
            turn = turn @ np.diag([-1.0, 1.0, 1.0])  # a mirrored image
        axes = [turn @ vector for vector in by_hand(pitch, yaw)]
        content = expt([panel(*axes)], direction=turn @ [0, 0, 1])
        assert close(read_expt(saved(tmp_path / "a.expt", content))[0].geometry, expected)


def test_new_list_reads_back_and_holds_what_it_must(tmp_path: Path) -> None:
    path = tmp_path / "new.expt"
    write_expt(path, TILTED, (800, 600), [tmp_path.as_posix() + "/b.cbf", ("m.h5", 4)], (-1, 5000))
    first, second = read_expt(path)
    assert close(first.geometry, TILTED)
    assert first.shape == (800, 600)
    assert first.frames == ((str(tmp_path / "b.cbf"), 0),)
    assert second.frames == ((str(Path("m.h5").absolute()), 4),)
    content = json.loads(path.read_text())
    assert content["detector"][0]["panels"][0]["trusted_range"] == [-1.0, 5000.0]
    assert len(content["detector"]) == len(content["beam"]) == 1


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_corrected_list_has_the_new_geometry_and_keeps_all_else(tmp_path: Path, seed: int) -> None:
    turn = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
    turn = turn @ np.diag([-1.0, 1.0, 1.0]) if seed == 2 else turn
    axes = [turn @ vector for vector in by_hand(0.01, 0.02)]
    old = expt([panel(*axes)], direction=turn @ [0, 0, 1], goniometer=[{"rotation_axis": [1, 0, 0]}])
    source = saved(tmp_path / "old.expt", old)
    new = BeamGeometry((314.5, 399.75), 181.5, 1.1, (PIXEL, PIXEL), -0.004, 0.011)
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "elsewhere" / "new.expt"
    write_expt(path, new, (800, 600), [], (0, 1), source_expt=source)
    assert close(read_expt(path)[0].geometry, new)
    assert read_expt(path)[0].frames == read_expt(source)[0].frames
    kept = json.loads(path.read_text())
    for key in ("experiment", "beam", "scan", "crystal", "goniometer"):
        assert kept[key] == old[key]
    assert kept["detector"][0]["panels"][0]["gain"] == 1.5
    assert kept["imageset"][0]["mask"] == str(tmp_path / "m.pickle")


def test_same_geometry_written_back_moves_nothing(tmp_path: Path) -> None:
    turn = Rotation.random(rng=np.random.default_rng(7)).as_matrix()
    axes = [turn @ vector for vector in by_hand(0.05, 0.08)]
    source = saved(tmp_path / "old.expt", expt([panel(*axes)], direction=turn @ [0, 0, 1]))
    write_expt(tmp_path / "new.expt", read_expt(source)[0].geometry, (800, 600), [], (0, 1), source)
    new = json.loads((tmp_path / "new.expt").read_text())["detector"][0]["panels"][0]
    for key, old in zip(("origin", "fast_axis", "slow_axis"), axes, strict=True):
        assert np.allclose(new[key], old, rtol=0, atol=1e-9)


def tiles(gap_mm: float = 0.0) -> list[dict[str, Any]]:
    """Two halves of one image, the second `gap_mm` further along the slow axis than its pixels say."""
    origin, fast, slow = by_hand(0.01, 0.02)
    second = origin + (410 * PIXEL + gap_mm) * slow
    return [
        panel(origin, fast, slow, (600, 390), raw_image_offset=[0, 0]),
        panel(second, fast, slow, (600, 390), raw_image_offset=[0, 410]),
    ]


def test_panels_of_one_flat_image_are_read_and_moved_together(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.expt", expt(tiles()))
    (images,) = read_expt(source)
    assert close(images.geometry, BeamGeometry((310.0, 402.0), 180.0, 1.1, (PIXEL, PIXEL), 0.01, 0.02))
    assert images.shape == (800, 600)
    moved = images.geometry.with_centre((320.0, 390.0))
    write_expt(tmp_path / "b.expt", moved, (800, 600), [], (0, 1), source)
    assert close(read_expt(tmp_path / "b.expt")[0].geometry, moved)


def test_panels_that_form_no_flat_image_stand_in_space(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.expt", expt(tiles(gap_mm=0.5)))
    (images,) = read_expt(source)
    assert images.panels is not None
    corners = [panel.origin_mm for panel in images.panels.panels]
    origin, _, slow = by_hand(0.01, 0.02)
    # Our y points down and z along the beam where dxtbx's do not: by half a turn about x.
    expected = np.array([origin, origin + (410 * PIXEL + 0.5) * slow]) * [1, -1, -1]
    assert np.allclose(corners, expected, rtol=0, atol=1e-9)
    assert [panel.first for panel in images.panels.panels] == [(0, 0), (410, 0)]


def test_panel_that_hangs_on_a_turned_group_is_read_and_moved(tmp_path: Path) -> None:
    group = Rotation.random(rng=np.random.default_rng(5)).as_matrix()
    shift = np.array([3.0, -4.0, 5.0])
    origin, fast, slow = by_hand(0.01, 0.02)
    local = panel(group.T @ (origin - shift), group.T @ fast, group.T @ slow)
    node = {"fast_axis": group[:, 0].tolist(), "slow_axis": group[:, 1].tolist(), "origin": shift.tolist()}
    content = expt([local])
    content["detector"][0]["hierarchy"] = node | {"children": [{"panel": 0}]}
    source = saved(tmp_path / "a.expt", content)
    expected = BeamGeometry((310.0, 402.0), 180.0, 1.1, (PIXEL, PIXEL), 0.01, 0.02)
    assert close(read_expt(source)[0].geometry, expected)
    moved = expected.with_centre((300.0, 410.0))
    write_expt(tmp_path / "b.expt", moved, (800, 600), [], (0, 1), source)
    assert close(read_expt(tmp_path / "b.expt")[0].geometry, moved)
    assert json.loads((tmp_path / "b.expt").read_text())["detector"][0]["hierarchy"] == node | {
        "children": [{"panel": 0}]
    }


def two_imagesets(tmp_path: Path, same_detector: bool) -> Path:
    content = expt([panel(*by_hand(0.0, 0.0))])
    content["imageset"].append({"__id__": "ImageSet", "images": ["b.cbf"]})
    content["detector"].append({"panels": [panel(*by_hand(0.0, 0.5))]})
    second = {"__id__": "Experiment", "beam": 0, "detector": 0 if same_detector else 1, "imageset": 1}
    content["experiment"].append(second)
    return saved(tmp_path / "two.expt", content)


def test_each_imageset_gets_its_own_correction(tmp_path: Path) -> None:
    source = two_imagesets(tmp_path, same_detector=False)
    new = [images.geometry.with_centre((300.0 + i, 400.0)) for i, images in enumerate(read_expt(source))]
    correct_expt(tmp_path / "new.expt", source, new)
    assert all(close(i.geometry, g) for i, g in zip(read_expt(tmp_path / "new.expt"), new, strict=True))
    with pytest.raises(InputError, match=r"two\.expt: it has several geometries"):
        write_expt(tmp_path / "no.expt", new[0], (800, 600), [], (0, 1), source)


def test_shared_detector_stays_shared_until_corrections_differ(tmp_path: Path) -> None:
    source = two_imagesets(tmp_path, same_detector=True)
    moved = read_expt(source)[0].geometry.with_centre((300.0, 400.0))
    correct_expt(tmp_path / "new.expt", source, [moved, moved])
    assert len(json.loads((tmp_path / "new.expt").read_text())["detector"]) == 1
    correct_expt(tmp_path / "new.expt", source, [moved, moved.with_centre((1.0, 2.0))])
    assert [i.geometry.beam_centre_px[0] for i in read_expt(tmp_path / "new.expt")] == pytest.approx([300, 1])


def test_sweep_template_names_its_files_from_the_lists_folder(tmp_path: Path) -> None:
    data = np.arange(20, dtype=np.int32).reshape(4, 5)
    for number in (8, 9, 10, 11):
        CbfImage(data=data + number).write(str(tmp_path / f"s_{number:03d}.cbf"))
    content = expt([panel(*by_hand(0, 0), size=(5, 4))])
    content["imageset"] = [{"__id__": "ImageSequence", "template": "s_###.cbf"}]
    content["scan"] = [{"image_range": [9, 11], "oscillation": [0.0, 0.1]}]
    content["experiment"][0]["scan"] = 0
    path = saved(tmp_path / "a.expt", content)
    assert [Path(name).name for name, _ in read_expt(path)[0].frames] == [
        "s_009.cbf",
        "s_010.cbf",
        "s_011.cbf",
    ]
    assert expand_inputs([str(path)]) == [str(tmp_path / f"s_{n:03d}.cbf") for n in (9, 10, 11)]


def test_frames_of_a_master_are_selected(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["entry/data/data"] = np.arange(6 * 4 * 5, dtype=np.uint16).reshape(6, 4, 5)
    content = expt([panel(*by_hand(0, 0), size=(5, 4))])
    numbers = [1, 2, 5]
    content["imageset"] = [
        {"__id__": "ImageSequence", "template": "/gone/from/here/x.h5", "single_file_indices": numbers}
    ]
    path = saved(tmp_path / "a.expt", content)
    assert read_expt(path)[0].frames == tuple((str(tmp_path / "x.h5"), number) for number in numbers)
    names = expand_inputs([str(path)])
    assert [Path(name).name for name in names] == ["x.h5#1-2", "x.h5#5"]
    assert [frame.index for name in names for frame in read_frames(name)] == numbers


def test_the_current_model_replaces_the_header_and_the_user_replaces_both(tmp_path: Path) -> None:
    header = {"_array_data.header_convention": "PILATUS_1.2"}
    text = "# Wavelength 0.5 A\r\n# Detector_distance 0.9 m\r\n# Beam_xy (1, 2) pixels\r\n"
    image = CbfImage(data=np.zeros((800, 600), np.int32))
    image.header.update(header | {"_array_data.header_contents": text})
    image.write(str(tmp_path / "a.cbf"))
    path = saved(tmp_path / "a.expt", expt([panel(*by_hand(0, np.radians(6.0)))]))
    ((file, model),) = inputs_with_models([str(tmp_path / "a.cbf"), str(path)]).items()
    (frame,) = read_frames(file, model=model, distance_mm=200.0)
    assert frame.header_beam_centre_px == pytest.approx((310.0, 402.0))
    assert (frame.wavelength, frame.distance_mm, frame.pixel_size_mm) == (1.1, 200.0, (PIXEL, PIXEL))
    assert frame.two_theta_deg == pytest.approx(6.0)
    assert next(read_frames(file)).header_beam_centre_px == (1.0, 2.0)


def test_a_model_of_another_detector_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((80, 60), np.int32))
    content = expt([panel(*by_hand(0, 0))])
    content["imageset"][0]["images"] = ["a.npy"]
    ((file, model),) = inputs_with_models([str(saved(tmp_path / "a.expt", content))]).items()
    with pytest.raises(InputError, match=r"\.expt has 800 x 600 pixels .* the image has 80 x 60"):
        next(read_frames(file, model=model))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nonsense", "not a DIALS experiment list"),
        ("[1]", "not a DIALS experiment list"),
        ('{"__id__": "ExperimentList", "experiment": []}', "no experiments in it"),
        ('{"__id__": "ExperimentList", "experiment": [{"beam": 0}]}', "a broken experiment list"),
    ],
)
def test_what_is_no_experiment_list_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "a.expt").write_text(text)
    with pytest.raises(InputError, match=rf"a\.expt: {reason}"):
        read_expt(tmp_path / "a.expt")


def test_list_for_another_detector_size_is_refused(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.expt", expt([panel(*by_hand(0, 0))]))
    with pytest.raises(InputError, match=r"a\.expt: its detector is not of 600 x 800 pixels"):
        write_expt(tmp_path / "b.expt", TILTED, (600, 800), [], (0, 1), source)


def ask_dxtbx(program: str, *arguments: str) -> Any:
    """Output, as JSON, of a program run by the interpreter of the distribution's dials; skips without it."""
    head = "import json, sys\ntry:\n    import dxtbx.model.experiment_list as lists\n"
    head += "except ImportError:\n    sys.exit(77)\n"
    command = [DIALS_PYTHON, "-c", head + program, *arguments]
    if not Path(DIALS_PYTHON).exists():
        pytest.skip("no system python")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("dials is not installed")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_dxtbx_reads_what_we_write(tmp_path: Path) -> None:
    """dxtbx opens the list, its images, and finds the beam and scattering angles where BeamGeometry does."""
    data = np.arange(800 * 600, dtype=np.int32).reshape(800, 600)
    text = "# Detector: PILATUS 300K, S/N 1-1\r\n# Pixel_size 1e-4 m x 1.2e-4 m\r\n# Wavelength 0.98 A\r\n"
    text += "# Detector_distance 0.18 m\r\n# Beam_xy (300, 400) pixels\r\n# Count_cutoff 1000000 counts\r\n"
    header = {"_array_data.header_convention": "PILATUS_1.2", "_array_data.header_contents": text}
    CbfImage(data=data, header=header).write(str(tmp_path / "a_0001.cbf"))
    write_expt(tmp_path / "a.expt", TILTED, data.shape, [str(tmp_path / "a_0001.cbf")], (-1, 10**6))
    answer = ask_dxtbx(
        """
experiments = lists.ExperimentListFactory.from_json_file(sys.argv[1], check_format=False)
panel, beam = experiments[0].detector[0], experiments[0].beam
angles = [panel.get_two_theta_at_pixel(beam.get_s0(), px) for px in ((0, 0), (599, 3), (20, 780))]
centre = panel.millimeter_to_pixel(panel.get_ray_intersection(beam.get_s0()))
print(json.dumps([centre, angles, panel.get_image_size(), beam.get_wavelength(),
                  experiments[0].imageset.paths()]))
""",
        str(tmp_path / "a.expt"),
    )
    centre, angles, size, wavelength, paths = answer
    assert centre == pytest.approx(TILTED.beam_centre_px, abs=1e-6)
    corners = np.array([[0, 0], [599, 3], [20, 780]], float)
    assert angles == pytest.approx(TILTED.two_theta(corners), abs=1e-9)
    assert (size, wavelength, paths) == ([600, 800], 0.98, [str(tmp_path / "a_0001.cbf")])


def test_real_lists_of_dxtbx_read_back_in_both(tmp_path: Path, shared_data: Path) -> None:
    """I19's axes are turned in the laboratory and its arm swung out: dxtbx's own model is the judge."""
    image = shared_data / "geometry" / "l-cyst_01_00001.cbf"
    make = "lists.ExperimentListFactory.from_filenames([sys.argv[1]]).as_file(sys.argv[2]); print(0)"
    ask_dxtbx(make, str(image), str(tmp_path / "a.expt"))
    (images,) = read_expt(tmp_path / "a.expt")
    assert images.frames == ((str(image), 0),)
    assert images.shape == (1679, 1475)
    assert images.geometry.beam_centre_px == pytest.approx((192.93, 865.0), abs=0.01)
    assert np.degrees(images.geometry.tilt) == pytest.approx(30.0)
    moved = images.geometry.with_centre((190.95, 866.31))
    write_expt(tmp_path / "b.expt", moved, images.shape, [], (0, 1), tmp_path / "a.expt")
    centre, pixels = ask_dxtbx(
        """
experiments = lists.ExperimentListFactory.from_json_file(sys.argv[1])
panel, beam = experiments[0].detector[0], experiments[0].beam
centre = [mm / size for mm, size in zip(panel.get_ray_intersection(beam.get_s0()), panel.get_pixel_size())]
print(json.dumps([centre, experiments[0].imageset.get_raw_data(0)[0].focus()]))
""",
        str(tmp_path / "b.expt"),
    )
    assert centre == pytest.approx((190.95, 866.31), abs=1e-6)
    assert pixels == [1679, 1475]


@pytest.mark.parametrize("name", ["a.json", "a.expt.gz", "a.json.bz2", "indexed.refined.json.gz"])
def test_lists_are_known_by_content_and_read_when_packed(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.cbf").touch()
    text = json.dumps(expt([panel((-31.0, 40.2, -180.0), (1, 0, 0), (0, -1, 0))])).encode()
    pack = {"gz": gzip.compress, "bz2": bz2.compress}.get(name.rpartition(".")[2], lambda raw: raw)
    (tmp_path / name).write_bytes(pack(text))
    assert is_experiment_list(tmp_path / name)
    ((file, model),) = inputs_with_models([str(tmp_path / name)]).items()
    assert file == str(tmp_path / "a.cbf")
    assert model is not None
    assert close(model.geometry, BeamGeometry((310.0, 402.0), 180.0, 1.1, (PIXEL, PIXEL)))
    assert list_stem(tmp_path / name) == name.partition(".json")[0].partition(".expt")[0]


def test_a_json_that_is_no_list_is_an_image_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"beam": [1, 2]}')
    assert not is_experiment_list(tmp_path / "a.json")
    with pytest.raises(InputError, match=r"a\.json: not a readable diffraction image"):
        read_frame(tmp_path / "a.json")
    (tmp_path / "b.expt.gz").write_bytes(gzip.compress(b"{}" * 500)[:-9])
    with pytest.raises(InputError, match=r"b\.expt\.gz: compressed file is truncated"):
        read_expt(tmp_path / "b.expt.gz")


def datablock(imagesets: list[dict[str, Any]], origin: tuple[float, float, float]) -> dict[str, Any]:
    """A DataBlock of DIALS 1 with one beam and one detector."""
    return {
        "__id__": "DataBlock",
        "imageset": imagesets,
        "beam": [{"direction": [0.0, 0.0, 1.0], "wavelength": 1.1}],
        "detector": [{"panels": [panel(origin, (1, 0, 0), (0, -1, 0))]}],
        "goniometer": [{"rotation_axis": [1, 0, 0]}],
        "scan": [{"image_range": [3, 5], "oscillation": [0.0, 0.1]}],
    }


def test_datablocks_of_old_dials_are_read_and_corrected(tmp_path: Path) -> None:
    models = {"beam": 0, "detector": 0, "goniometer": 0, "scan": 0}
    sweep = {"__id__": "ImageSweep", "template": str(tmp_path / "x_##.cbf"), "mask": None} | models
    master = {"__id__": "ImageSweep", "master": str(tmp_path / "m.h5"), "images": [4, 5]} | models
    still = {"filename": str(tmp_path / "s.h5"), "image": 7, "beam": 0, "detector": 0}
    stills = {"__id__": "ImageSet", "images": [still, still | {"image": 9}], "params": {}}
    blocks = [
        datablock([sweep, master], (-31.0, 40.2, -180.0)),
        datablock([stills], (-20.0, 30.0, -150.0)),
    ]
    path = tmp_path / "datablock.json"
    path.write_text(json.dumps(blocks))
    first, second, third = read_expt(path)
    assert [Path(file).name for file, _ in first.frames] == ["x_03.cbf", "x_04.cbf", "x_05.cbf"]
    assert second.frames == ((str(tmp_path / "m.h5"), 4), (str(tmp_path / "m.h5"), 5))
    assert third.frames == ((str(tmp_path / "s.h5"), 7), (str(tmp_path / "s.h5"), 9))
    assert close(second.geometry, BeamGeometry((310.0, 402.0), 180.0, 1.1, (PIXEL, PIXEL)))
    assert close(third.geometry, BeamGeometry((200.0, 300.0), 150.0, 1.1, (PIXEL, PIXEL)))
    new = BeamGeometry((201.0, 299.0), 150.0, 1.1, (PIXEL, PIXEL))
    correct_expt(tmp_path / "new.expt", path, [first.geometry, second.geometry, new])
    again = read_expt(tmp_path / "new.expt")
    assert close(again[0].geometry, first.geometry)
    assert close(again[2].geometry, new)
    assert [images.frames for images in again] == [images.frames for images in (first, second, third)]


def test_broken_datablock_says_so(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.json", [{"__id__": "DataBlock", "imageset": [{"__id__": "ImageSweep"}]}])
    with pytest.raises(InputError, match=r"a\.json: a broken datablock \(KeyError"):
        read_expt(path)
