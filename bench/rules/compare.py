"""Compare engines for rules: speed as ratios within one run, and how each behaves with what rules may hold.

Run it with an interpreter that has ampel-watch and requirements.txt installed::

    python bench/rules/compare.py

Each behaviour is tried in a process of its own, with 5 s and 2 GiB; speeds are medians of interleaved rounds.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from engines import ENGINES, Decide

OURS = "ampel-watch"
ROUNDS = 15
LIMIT_S, LIMIT_BYTES = 5, 2**31
BRIGHT = {"mag": 18.5, "gal_b_deg": -35.0, "star": False, "name": "ZTF21aaqhhfu"}
TYPICAL = "mag < 19.5 and (gal_b_deg > 10 or gal_b_deg < -10) and not star"
SPEED = {
    "one comparison": "mag < 19.5",
    "typical": TYPICAL,
    "40 comparisons": " and ".join(["mag < 19.5", "gal_b_deg < 10"] * 20),
}
BEHAVIOURS: dict[str, tuple[str, dict[str, Any]]] = {
    "null in a comparison": ("mag < 19.5", BRIGHT | {"mag": None}),
    "unknown, but no matter": ("mag < 19.5 and not star", {"mag": 20.0}),
    "unknown, and it matters": ("mag < 19.5 and not star", {"mag": 18.5}),
    "misspelt name": ("mga < 19.5", BRIGHT),
    "wrong type": ('mag < "x"', BRIGHT),
    "number as a condition": ("mag and not star", BRIGHT),
    "walk into objects": ('name.__class__.__mro__ == "x"', BRIGHT),
    "walk from a literal": ('"".__class__.__base__ == "x"', BRIGHT),
    "huge power": ("9 ** 9 ** 9 ** 9 > mag", BRIGHT),
    "huge text": ('"a" * 1000000000 == name', BRIGHT),
    "hostile regular expression": ('"' + "a" * 40 + '!" =~ "(a+)+$"', BRIGHT),
    "loop": ("[i for i in range(1000000000)] == name", BRIGHT),
    "nesting, 5,000 deep": ("(" * 5000 + "star" + ")" * 5000, BRIGHT),
    "text of 1 MB": (" or ".join(["star"] * 125_000), BRIGHT),
}


def main() -> None:
    """Print everything as Markdown."""
    print("| engine | version |\n|---|---|")
    for name in ENGINES:
        print(f"| {name} | {version(name)} |")
    print(f"\n{_table('load, ratio to ours', _ratios(_load_s))}")
    print(f"\n{_table('decide, ratio to ours', _ratios(_decide_s))}")
    print(f"\n{_table('behaviour', {case: {e: _tried(e, case) for e in ENGINES} for case in BEHAVIOURS})}")


def _table(head: str, rows: dict[str, dict[str, str]]) -> str:
    lines = [f"| {head} | {' | '.join(ENGINES)} |", f"|---|{'---|' * len(ENGINES)}"]
    lines += [f"| {row} | {' | '.join(cells[name] for name in ENGINES)} |" for row, cells in rows.items()]
    return "\n".join(lines)


def _ratios(measure: Callable[[Callable[[str], Decide], str], float]) -> dict[str, dict[str, str]]:
    """Rule → engine → its time over ours, the median over rounds in which the engines take turns."""
    loads = {name: engine() for name, engine in ENGINES.items()}
    rows = {}
    for rule, text in SPEED.items():
        rounds = [{name: measure(load, text) for name, load in loads.items()} for _ in range(ROUNDS)]
        rows[rule] = {name: f"{median(r[name] / r[OURS] for r in rounds):.2g}" for name in ENGINES}
        rows[rule][OURS] = f"1 ({median(r[OURS] for r in rounds) * 1e6:.3g} µs)"
    return rows


def _load_s(load: Callable[[str], Decide], text: str) -> float:
    return _mean_s(lambda: load(text), 3)


def _decide_s(load: Callable[[str], Decide], text: str) -> float:
    decide = load(text)
    assert decide(BRIGHT) is True
    return _mean_s(lambda: decide(BRIGHT), 200)


def _mean_s(call: Callable[[], Any], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - began) / times


def _tried(engine: str, case: str) -> str:
    """What became of a behaviour in a process of its own."""
    command = [sys.executable, str(Path(__file__)), engine, case]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S + 5, check=False)
    except subprocess.TimeoutExpired:
        return f"**still at it after {LIMIT_S} s**"
    if ended.returncode in (-9, -24):
        return f"**still at it after {LIMIT_S} s**"
    if not ended.stdout:
        return f"**the process died ({ended.returncode})**"
    return str(json.loads(ended.stdout.splitlines()[-1]))


def _try(engine: str, case: str) -> None:
    """The other side of `_tried`."""
    load = ENGINES[engine]()
    text, values = BEHAVIOURS[case]
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S))
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    print(json.dumps(" ".join(_outcome(load, text, values))))


def _outcome(load: Callable[[str], Decide], text: str, values: dict[str, Any]) -> Iterator[str]:
    began = time.perf_counter()
    try:
        decide = load(text)
    except Exception as error:  # noqa: BLE001 - what an engine raises is the result
        yield f"fault at load ({_name(error)})"
    else:
        try:
            yield f"{decide(values)}"
        except Exception as error:  # noqa: BLE001 - as above
            yield f"**raises when it decides** ({_name(error)})"
    if (took_s := time.perf_counter() - began) > 0.2:
        yield f"after {took_s:.1f} s"


def _name(error: Exception) -> str:
    return type(error).__name__


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _try(*sys.argv[1:])
    else:
        main()
