"""Tables of time and memory: one image, work shared out among processes, the start of each command."""

from report import Report, Row, judged

SPEED_GOALS = {"model loaded": 1.0, "argand --help": 0.5}
"""Seconds allowed for the rows of geometry_speed.json whose names hold this."""
MEMORY_GOAL_GB = 1.5
SHARED_GOAL = 1.8
"""How many times faster than one process two are to be."""
PAGE_GOALS = {
    "mb": (1.5, " MB"),
    "first_s": (0.5, " s to first content"),
    "complete_s": (3.0, " s until complete"),
}
"""Allowed of a page with one answer."""
UNITS = {"tries": "trials"}


def speed_table(report: Report) -> tuple[str, list[Row]]:
    """Seconds and memory for one image of six million pixels."""
    machine = [f"{report['cores']} cores", f"torch threads: {report['torch_threads']}"]
    if "processor" in report:
        machine.insert(0, report["processor"])
    rows = []
    for one in report["rows"]:
        limit = next((seconds for name, seconds in SPEED_GOALS.items() if name in one["what"]), None)
        goal, measured = judged(one["seconds"], limit, " s")
        if one["peak_memory_mb"] is not None:
            memory_goal, memory = judged(one["peak_memory_mb"] / 1024, MEMORY_GOAL_GB, " GiB")
            goal, measured = f"{goal}; {memory_goal}".lstrip("; "), f"{measured}; {memory}"
        rows.append(
            Row(
                "time; peak memory",
                _command(one["what"]),
                goal,
                measured,
            )
        )
    rates = report.get("throughput", [])
    if rates:
        faster = rates[-1]["images_per_second"] / rates[0]["images_per_second"]
        missed = "" if faster >= SHARED_GOAL else " (goal missed)"
        measured = f"{faster:.2f} times one process{missed}"
        where = f"{rates[-1]['processes']} processes on {report['cores']} cores"
        rows.append(Row("speed of several processes", where, f"≥ {SHARED_GOAL:g} times", measured))
    return f"Time for an image of a PILATUS3 6M ({', '.join(machine)})", rows


def _command(name: str) -> str:
    """A name with its command as code: `argand --help`."""
    if not name.startswith("argand"):
        return name
    command, comma, rest = name.partition(",")
    return f"`{command}`{comma}{rest}"


def throughput_table(report: Report) -> tuple[str, list[Row]]:
    """How much faster several processes are than one."""
    rows = []
    goal = SHARED_GOAL * report["processes"] / 2
    for one in report["rows"]:
        unit = UNITS.get(one["unit"], one["unit"])
        missed = "" if one["ahead"] >= goal else " (goal missed)"
        beside = [f"{one['a_second']:.3g} {unit}/s by one process"]
        beside.append(f"{one['mib_each']:.0f} MiB a process, {one['mib_one']:.0f} MiB for one alone")
        beside.append(f"{one['bytes'] / 1000:.1f} kB and {one['here_ms']:.2g} ms of the main process an item")
        where = f"{one['items']} {unit}"
        measured = f"{one['ahead']:.2f} times one process{missed}"
        rows.append(Row(f"`{one['verb']}`", where, f"≥ {goal:g} times", measured, "; ".join(beside)))
    machine = f"{report['cores']} cores, {report['processor']}"
    return f"Work shared out among {report['processes']} processes ({machine})", rows


def startup_table(report: Report) -> tuple[str, list[Row]]:
    """Processor time of each command until it opens its first file, and as a whole."""
    rows = []
    for one in report["rows"]:
        measured = f"{one['after_s']:.2f} s; whole command {one['whole_after_s']:.2f} s"
        before = f"before imports were deferred {one['before_s']:.2f} s; {one['whole_before_s']:.2f} s"
        rows.append(Row("processor time to the first file", f"`argand {one['verb']}`", "", measured, before))
    torch = f"`import torch` alone, where a command needs it: {report['torch_alone_s']['quiet']:.2f} s"
    return f"Start of a command in a new process ({report['processor']}); {torch}", rows


def pages_table(report: Report) -> tuple[str, list[Row]]:
    """Size and loading times of the pages, compared with an earlier commit's."""
    rows = []
    for one in report["rows"]:
        single = ", 1 " in one["page"]
        parts = [
            judged(one[f"after_{key}"], limit if single else None, unit)
            for key, (limit, unit) in PAGE_GOALS.items()
        ]
        measured = [told for _, told in parts]
        if one["after_all_s"] is not None:
            measured.append(f"{one['after_all_s']:.2f} s until all views are drawn")
        if one["after_beside_mb"]:
            measured.append(f"{one['after_beside_mb']:.1f} MB beside it, read when needed")
        before = [f"{one[f'before_{key}']:.2f}{unit}" for key, (_, unit) in PAGE_GOALS.items()]
        goal = "; ".join(goal for goal, _ in parts if goal)
        rows.append(Row("page", one["page"], goal, "; ".join(measured), f"before: {'; '.join(before)}"))
    machine = f"Chromium {report['chromium']}, drawn in software, {report['processor']}"
    return f"Pages of results in a browser ({machine})", rows
