"""The route `/take/{run}/{what}`: the curves of a run as CSV, and its setting as JSON, for visitors to keep.

The answer is JSON, `{"text"}` or `{"error"}`: the page says in a sentence why there is no file.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine import data
from engine.config import Refused
from engine.dispatch import modules
from engine.families import find
from engine.metrics.measure import declared
from lab.kit.room import address, values_of
from lab.kit.subject import words_of
from lab.runs import files, store, wall

EXCEL = "\ufeff"  # without it, Excel takes the signs of UTF-8 for others
_MINUS = re.compile(r"(?<![A-Za-z0-9])-|(?<=\de)-")


def serve(request: Request) -> Response:
    """In a thread of its own, because rows are read."""
    try:
        at = store.folder(request.path_params["run"])
        answer = {"text": FILES[request.path_params["what"]](at)}
    except KeyError:
        answer = {"error": f"There is no such file; there are {', '.join(FILES)}."}
    except (Refused, OSError) as error:
        answer = {"error": files.why(error)}
    return JSONResponse(answer, headers={"cache-control": "no-store"})


def curves(at: Path) -> str:
    """What the run has measured, as CSV: a line for each round that has numbers, a column for each curve. The
    columns are called as on the charts. What was not measured in a round is empty."""
    info, rows = store.read_info(at), files.rows(at / "metrics.jsonl")
    if not rows:
        raise Refused("There are no curves yet: this run has not trained. Press Train first.")
    columns: dict[tuple[str, int], None] = {}  # a name, and the place in its list, or -1
    lines = [{key: value for name in row for key, value in _cells(name, row[name])} for row in rows]
    for line in lines:
        columns |= dict.fromkeys(line)
    labels, members = words_of(find(info.family)).labels, wall.members(info.wall)
    modules("measures", "engine")  # where they are declared
    bars = {name for name, place in columns if place >= 0 and not info.wall}
    titles = _apart({name: _title(name, name in bars, labels) for name, _ in columns})
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([titles[name] + _member(place, members) for name, place in columns])
    writer.writerows([[line.get(key, "") for key in columns] for line in lines])
    return EXCEL + out.getvalue()


def _cells(name: str, value: Any) -> Iterator[tuple[tuple[str, int], Any]]:
    """A measured number, or those of a list; sentences, which say what could not be measured, in one cell."""
    if not isinstance(value, list):
        yield (name, -1), value
    elif any(isinstance(one, str) for one in value):
        yield (name, -1), " ".join(map(str, value))
    else:
        yield from (((name, i), "" if one is None else one) for i, one in enumerate(value))


def _title(name: str, alone: bool, labels: Mapping[str, str]) -> str:
    """What the stage calls a measure, with its chart before it, unless it has one `alone`."""
    if name == "round":
        return name
    measure = declared(name)
    kind = "number" if measure.draw == "number" else "term"
    label = labels.get(f"{kind}/{name}") or measure.label
    chart = labels.get(f"chart/{measure.chart}") or measure.chart[:1].upper() + measure.chart[1:]
    same = alone or measure.draw in ("bars", "number") or chart.lower() == label.lower()
    return _MINUS.sub("−", label if same else f"{chart}: {label}")


def _apart(titles: dict[str, str]) -> dict[str, str]:
    """Titles by name; two that are alike have their names behind them."""
    alike = Counter(titles.values())
    return {name: title if alike[title] == 1 else f"{title} ({name})" for name, title in titles.items()}


def _member(place: int, members: list[dict[str, float]]) -> str:
    """Which number of a list a column has: of a wall, that of the member with these values."""
    if place < 0:
        return ""
    if len(members) > 1 and place < len(members):
        return f" [{', '.join(f'{name} = {value:g}' for name, value in members[place].items())}]"
    return f" [{place + 1}]"


def setting(at: Path) -> str:
    """All that decides the numbers of a run, as JSON: with it, anybody can make the run again."""
    info = store.read_info(at)
    kept: dict[str, Any] = {"genlab": version("genlab"), "model": find(info.family).title}
    kept |= info.model_dump(include={"family", "data", "seed", "threads"})
    kept["knobs"] = {name: value for name, value in info.config.items() if name not in info.wall}
    kept |= {"wall": info.wall} if info.wall else {}
    changed = [one for one in files.commands(at / "commands.jsonl") if one["do"] == "set" and one["round"]]
    if changed:  # the knobs above are those of now
        kept["changed while it trained"] = [{"from round": one["round"], **one["values"]} for one in changed]
    return json.dumps(kept | {"address": opens(info)}, indent=1, ensure_ascii=False) + "\n"


def opens(info: store.Info) -> str:
    """The address that opens the setting of a run, in any lab."""
    family = find(info.family)
    if not info.wall:
        return f"/{info.family}?{address(family, info.data, info.seed, info.config)}"
    space = data.load(info.data).space  # a wall has smaller defaults: all that counts is said
    counts = family.configure(space, info.config).effective(space)
    values = {
        name: value for name, value in values_of(info).items() if name in counts or name not in info.config
    }
    return f"/wall?{urlencode({'family': info.family} | values)}"


FILES: dict[str, Callable[[Path], str]] = {"curves": curves, "setting": setting}
ROUTE = Route("/take/{run}/{what}", serve)
