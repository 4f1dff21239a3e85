"""Text that is long, deep or full of numbers that cannot be: read in linear time, and one line each."""

import json
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frugal import frugal

from argand.errors import InputError
from argand.io.cbf import _binary_keys, cbf_header
from argand.io.expt import read_expt, read_expt_panels
from argand.io.expt_content import is_experiment_list
from argand.io.geom_panels import move_geom, read_geom
from argand.io.geom_text import restated, statement
from argand.io.header import edf_header, pilatus_header
from argand.io.image import inputs_with_models, read_frame
from argand.io.moment import later, moment
from argand.io.poni import read_poni
from argand.io.smv import smv_stack
from argand.io.xds import read_xds
from argand.physics.still.modular import RigidMotion

LONG = 100_000
RUNS = [
    "#\n",
    "#",
    "\n",
    " ",
    "# ",
    "a ",
    "1",
    "1 ",
    "=",
    "a=",
    "{",
    "#a",
    "\t",
    ";",
    "-",
    "1.",
    "e1",
    "# x=1\n",
]


@pytest.mark.parametrize("run", RUNS)
def test_no_header_of_text_takes_more_than_linear_time(run: str) -> None:
    """Expressions that may match a text in many ways took ten seconds for 16 kB of `#` lines."""
    text = run * (LONG // len(run))
    smv = f"{{\nHEADER_BYTES= {len(text) + 99};\n{text}\nSIZE1=2;\nSIZE2=2;\n}}".encode()
    with frugal():
        cbf_header(text)
        pilatus_header(f"# Pixel_size {text} Beam_xy {text}")
        _binary_keys(text.encode())
        moment(text)
        edf_header({"Wavelength": text, "PSize_1": f"{text}x"})
        with pytest.raises(ValueError, match=""):
            smv_stack(smv)
        statement(text)


@pytest.mark.parametrize("run", RUNS)
def test_no_geometry_file_takes_more_than_linear_time(tmp_path: Path, run: str) -> None:
    text = run * (LONG // 5 // len(run))
    path = tmp_path / "a.txt"
    path.write_text(f"QX= {text}\np/fs = {text}\np/x {text}\nDetector_config: {text}\n")
    for read in (read_poni, read_xds, read_geom):
        with frugal(), pytest.raises(InputError, match=r"a\.txt"):
            read(path)


def test_a_line_keeps_its_blanks_and_its_comment() -> None:
    assert restated("p/fs =  +1.0x ; old", "-1.0y") == "p/fs =  -1.0y ; old"
    assert restated("p/fs=1x", "2y") == "p/fs=2y"
    assert statement(" p/fs =  +1.0x ; old = 3") == ("p/fs", "+1.0x")


def test_xds_keys_share_lines_and_values_are_their_words(tmp_path: Path) -> None:
    lines = ["QX= 0.1 QY=0.1 ! QX= 9", "ORGX= 1 ORGY= 2 DETECTOR_DISTANCE=100 X-RAY_WAVELENGTH= 1.0"]
    lines += ["DIRECTION_OF_DETECTOR_X-AXIS= 1 0 0 DIRECTION_OF_DETECTOR_Y-AXIS=0 1 0"]
    (tmp_path / "XDS.INP").write_text("\n".join([*lines, "INCIDENT_BEAM_DIRECTION= 0 0 1", "QX=0.2"]))
    assert read_xds(tmp_path / "XDS.INP").pixel_size_mm == (0.2, 0.1)


NOT_NUMBERS = ["nan", "inf", "-inf", "1e999", "0", "-1", "1e300", "1e-300"]


@pytest.mark.parametrize("value", NOT_NUMBERS)
@pytest.mark.parametrize("key", ["QX", "X-RAY_WAVELENGTH", "DETECTOR_DISTANCE"])
def test_numbers_of_xds_that_cannot_be_are_one_line(tmp_path: Path, key: str, value: str) -> None:
    if (key, value) in (("DETECTOR_DISTANCE", "1e300"), ("DETECTOR_DISTANCE", "1e-300")):
        pytest.skip("a distance is judged by the prediction that rests on it")
    stated = {"QX": "0.1", "X-RAY_WAVELENGTH": "1", "DETECTOR_DISTANCE": "100"} | {key: value}
    text = "".join(f"{name}= {number}\n" for name, number in stated.items()) + "QY= 0.1 ORGX= 1 ORGY= 2\n"
    text += "DIRECTION_OF_DETECTOR_X-AXIS= 1 0 0\nDIRECTION_OF_DETECTOR_Y-AXIS=0 1 0\n"
    (tmp_path / "XDS.INP").write_text(text + "INCIDENT_BEAM_DIRECTION= 0 0 1\n")
    with pytest.raises(InputError, match=r"XDS\.INP"):
        read_xds(tmp_path / "XDS.INP")


@pytest.mark.parametrize("value", NOT_NUMBERS)
@pytest.mark.parametrize("key", ["pixel1", "Wavelength", "Distance", "Rot1"])
def test_numbers_of_poni_that_cannot_be_are_one_line(tmp_path: Path, key: str, value: str) -> None:
    if (key in ("Distance", "Rot1") and value in ("1e300", "1e-300")) or (key == "Rot1" and value in "0-1"):
        pytest.skip("an angle of any size is one, and a distance is judged by the prediction")
    numbers = {"Distance": "0.1", "Poni1": "0.01", "Poni2": "0.01", "Rot1": "0", "Rot2": "0", "Rot3": "0"}
    numbers |= {"Wavelength": "1e-10"}
    config = {"pixel1": 1e-4, "pixel2": 1e-4} | ({key: value} if key == "pixel1" else {})
    numbers |= {} if key == "pixel1" else {key: value}
    text = "".join(f"{name}: {number}\n" for name, number in numbers.items())
    (tmp_path / "a.poni").write_text(f"{text}Detector_config: {json.dumps(config)}\n")
    with pytest.raises(InputError, match=r"a\.poni"):
        read_poni(tmp_path / "a.poni")


@pytest.mark.parametrize("config", ["[]", "3", "[" * 5000, '{"pixel1": ' + "9" * 5000 + "}", "null"])
def test_a_detector_of_poni_that_is_none_is_one_line(tmp_path: Path, config: str) -> None:
    (tmp_path / "a.poni").write_text(f"Distance: 0.1\nDetector_config: {config}\n")
    with pytest.raises(InputError, match=r"a\.poni"):
        read_poni(tmp_path / "a.poni")


GEOM = {"photon_energy": "9000 eV", "clen": "0.1 m", "res": "10000"}
PANEL = {"min_fs": "0", "max_fs": "9", "min_ss": "0", "max_ss": "9", "corner_x": "-5", "corner_y": "-5"}
PANEL |= {"fs": "+1.0x", "ss": "+1.0y"}


def geom(path: Path, general: dict[str, str], panel: dict[str, str], more: str = "") -> Path:
    lines = [f"{key} = {value}" for key, value in (GEOM | general).items()]
    lines += [f"p/{key} = {value}" for key, value in (PANEL | panel).items()]
    path.write_text("\n".join([*lines, more]))
    return path


@pytest.mark.parametrize("value", [*NOT_NUMBERS, "9" * 400, "1e5x"])
@pytest.mark.parametrize("key", ["clen", "res", "photon_energy", "max_fs", "min_ss", "corner_x", "fs"])
def test_numbers_of_geom_that_cannot_be_are_one_line(tmp_path: Path, key: str, value: str) -> None:
    read_geom(geom(tmp_path / "a.geom", {}, {}))
    fine = {
        "clen": "1e-300",
        "max_fs": "0 1e-300",
        "min_ss": "0 1e-300",
        "corner_x": "0 -1 1e-300",
        "fs": "1e5x -1",
    }
    if value in fine.get(key, "").split():
        pytest.skip("a panel may be there")
    stated: dict[str, str] = {key: value if key != "fs" or value.endswith("x") else f"{value}x"}
    path = geom(tmp_path / "a.geom", stated if key in GEOM else {}, {} if key in GEOM else stated)
    with frugal(), pytest.raises(InputError, match=r"a\.geom"):
        read_geom(path)


@pytest.mark.parametrize(
    ("panel", "more"),
    [
        ({"max_fs": "1000000000", "max_ss": "1000000000"}, ""),
        ({"max_fs": "99999", "max_ss": "99999"}, ""),
        ({"fs": "+1.0x", "ss": "+1.0x"}, ""),
        ({"fs": "+0.0x"}, ""),
        ({"fs": "e5x"}, ""),
        ({"dim0": "9" * 5000, "dim1": "ss", "dim2": "fs"}, ""),
        ({"corner_x": "1e12"}, ""),
        ({}, "".join(f"q{n}/min_fs = 0\n" for n in range(5000))),
        ({}, "".join(f"q{n} = 0\n" for n in range(5000))),
        ({}, "".join(f"bad{n}/min_x = 0\n" for n in range(200))),
    ],
)
def test_panels_of_geom_that_cannot_be_are_one_line(tmp_path: Path, panel: dict[str, str], more: str) -> None:
    path = geom(tmp_path / "a.geom", {}, panel, more)
    with frugal(), pytest.raises(InputError, match=r"a\.geom"):
        read_geom(path)


def test_a_geom_that_nothing_is_known_of_is_moved_or_refused(tmp_path: Path) -> None:
    path = geom(tmp_path / "a.geom", {}, {"corner_x": "nan"})
    with pytest.raises(InputError, match=r"a\.geom"):
        move_geom(tmp_path / "b.geom", path, RigidMotion(np.eye(3), np.zeros(3)))


def expt(**changed: Any) -> dict[str, Any]:
    panel = {"origin": [-3, 4, -100], "fast_axis": [1, 0, 0], "slow_axis": [0, -1, 0]}
    panel |= {"image_size": [60, 80], "pixel_size": [0.1, 0.1]} | changed.pop("panel", {})
    return {
        "__id__": "ExperimentList",
        "experiment": [{"__id__": "Experiment", "beam": 0, "detector": 0, "imageset": 0, "scan": 0}],
        "imageset": [{"__id__": "ImageSequence", "template": "a_####.cbf"} | changed.pop("imageset", {})],
        "scan": [{"image_range": [1, 3]} | changed.pop("scan", {})],
        "beam": [{"direction": [0, 0, 1], "wavelength": 1.0} | changed.pop("beam", {})],
        "detector": [{"panels": [panel]} | changed.pop("detector", {})],
    } | changed


def nested(depth: int) -> dict[str, Any]:
    node: dict[str, Any] = {"panel": 0}
    for _ in range(depth):
        node = {"origin": [0, 0, 0], "fast_axis": [1, 0, 0], "slow_axis": [0, 1, 0], "children": [node]}
    return node


BAD = 10**400


@pytest.mark.parametrize(
    "changed",
    [
        {"beam": {"wavelength": value}}
        for value in (0, -1, float("nan"), float("inf"), 1e300, 1e-300, BAD, "x", None, [1], {})
    ]
    + [{"panel": {"pixel_size": [value, 0.1]}} for value in (0, -0.1, float("nan"), float("inf"), 1e9, BAD)]
    + [{"panel": {"image_size": size}} for size in ([0, 5], [-1, 5], [10**9, 10**9], [BAD, 1], [1], "ab", {})]
    + [{"panel": {"origin": [0, 0, value]}} for value in (float("nan"), float("inf"), BAD, "x", 0)]
    + [
        {"panel": {"fast_axis": [0, 0, 0]}},
        {"panel": {"fast_axis": [0, -1, 0]}},
        {"beam": {"direction": [0, 0, 0]}},
        {"detector": {"panels": []}},
        {"detector": {"panels": 3}},
        {"detector": {"hierarchy": nested(100)}},
        {"detector": {"hierarchy": {"children": 3, "origin": [0, 0, 0]}}},
        {"experiment": [[]]},
        {"experiment": [3]},
        {"experiment": [{"beam": [], "detector": 0}]},
        {"experiment": [{"beam": 5, "detector": 0}]},
        {"scan": {"image_range": [1, 10**12]}},
        {"scan": {"image_range": [1, BAD]}},
        {"scan": {"image_range": [-5, 5]}},
        {"scan": {"image_range": "ab"}},
        {"imageset": {"images": [3]}},
        {"imageset": {"images": ["~nobody_at_all/a.cbf"]}},
        {"imageset": {"images": ["a.h5"], "single_file_indices": ["x"]}},
        {"imageset": {"images": ["a.h5"], "single_file_indices": [-1]}},
        {"imageset": {"template": "#" * 10_000}},
        {"imageset": {"template": 3}},
    ],
)
def test_models_of_expt_that_cannot_be_are_one_line(tmp_path: Path, changed: dict[str, Any]) -> None:
    path = tmp_path / "a.expt"
    path.write_text(json.dumps(expt(**changed)))
    if "hierarchy" in changed.get("detector", {}) and changed["detector"]["hierarchy"].get("children") != 3:
        assert len(read_expt(path)) == 1
        return
    with frugal(), pytest.raises(InputError, match=r"a\.expt"):
        inputs_with_models([str(path)])


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"__id__": "ExperimentList", "experiment": ' + "9" * 5000 + "}",
        json.dumps(expt(detector={"hierarchy": nested(160)})).replace(
            '"panel": 0', '"children": ' + "[" * 900
        ),
        "{}",
        "null",
        "\xff",
    ],
)
def test_lists_that_nest_deeply_or_are_none_are_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.expt").write_bytes(text.encode("latin-1"))
    (tmp_path / "a.json").write_bytes(text.encode("latin-1"))
    for read in (read_expt, read_expt_panels):
        with frugal(), pytest.raises(InputError, match=r"a\.expt"):
            read(tmp_path / "a.expt")
    is_experiment_list(tmp_path / "a.json")


def test_many_stills_on_one_detector_take_linear_time(tmp_path: Path) -> None:
    """Each imageset was looked for in all experiments, and each detector put together anew."""

    def seconds(count: int) -> float:
        content = expt(scan={})
        content["experiment"] = [{"beam": 0, "detector": 0, "imageset": n} for n in range(count)]
        content["imageset"] = [{"__id__": "ImageSet", "images": [f"a_{n}.cbf"]} for n in range(count)]
        (tmp_path / "a.expt").write_text(json.dumps(content))
        began = time.process_time()
        assert len(read_expt(tmp_path / "a.expt")) == count
        return time.process_time() - began

    with frugal():
        seconds(1500)
    few = seconds(1500)
    # Four times as long where the time is linear, 16 times where it is quadratic, on a machine of any speed.
    assert seconds(6000) < 8 * few


def test_numbers_of_headers_that_are_not_finite_are_not_known() -> None:
    header = pilatus_header("# Wavelength 1e999 A\n# Detector_distance nan m\n# Beam_xy (1e999, 3) pixels\n")
    # Of a pair, zero stands for what is not known.
    assert (header.wavelength, header.distance_mm, header.header_beam_centre_px) == (None, None, (0.0, 3.0))
    assert edf_header({"WaveLength": "1e999", "SampleDistance": "-1"}).wavelength is None
    assert later("2020-01-01T00:00:00.000", 1e300) is None


def test_an_arm_at_an_angle_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    from argand.io.image import Frame
    from argand.systems.geometry.predict import nominal_geometry

    data = np.ones((80, 80), np.int32)
    frame = Frame("a.img", 0, data, data > 0, (0.1, 0.1), 100.0, 1.0, two_theta_deg=1e30)
    with pytest.raises(InputError, match=r"a\.img: a detector arm at 1e\+30 degrees"):
        nominal_geometry(frame)


def test_numbers_that_are_no_counts_are_masked(tmp_path: Path) -> None:
    for number, kind in ((3e38, "f4"), (-1e300, "f8"), (2**62, "i8"), (2**64 - 1, "u8"), (np.inf, "f8")):
        data = np.ones((70, 70), kind)
        data[3, 4] = number
        np.save(tmp_path / "a.npy", data)
        mask = read_frame(tmp_path / "a.npy").mask
        assert not mask[3, 4]
        assert mask.sum() == 70 * 70 - 1


def test_imgcif_axes_that_hang_on_each_other_end(tmp_path: Path) -> None:
    rows = "".join(f"a{n} rotation a{n + 1} 1 0 0 0 0 0\n" for n in range(20_000))
    names = ["id", "type", "depends_on", *(f"{of}[{n}]" for of in ("vector", "offset") for n in (1, 2, 3))]
    text = "data_a\nloop_\n" + "".join(f"_axis.{name}\n" for name in names) + rows
    text += "_array_element_size.size 1e-4\nloop_\n_array_structure_list.precedence\n"
    text += "_array_structure_list.axis_set_id\n1 x\n2 y\nloop_\n_array_structure_list_axis.axis_set_id\n"
    text += "_array_structure_list_axis.axis_id\nx a0\ny a1\n"
    with frugal():
        assert cbf_header(text).header_beam_centre_px is None


def test_marccd_sizes_are_those_of_its_tiff(tmp_path: Path) -> None:
    """The size in the maker's header is used for the beam centre alone."""
    blob = bytearray(4096) + np.ones((40, 50), "<u2").tobytes()
    tags = {256: 50, 257: 40, 258: 16, 259: 1, 262: 1, 273: 4096, 278: 40}
    blob[:10] = b"II*\0" + struct.pack("<IH", 8, len(tags))
    for place, (tag, value) in zip(range(10, 200, 12), tags.items(), strict=False):
        struct.pack_into("<HHIi", blob, place, tag, 4, 1, value)
    struct.pack_into("<I", blob, 1024 + 28, 1234)
    struct.pack_into("<2i", blob, 1024 + 80, 2**31 - 1, -1)
    struct.pack_into("<2i", blob, 1024 + 772, -5, 2**31 - 1)
    (tmp_path / "a.mccd").write_bytes(blob)
    frame = read_frame(tmp_path / "a.mccd")
    assert (frame.shape, frame.pixel_size_mm) == ((40, 50), None)
