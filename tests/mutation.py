"""Small errors, written into the code one at a time: which of them does no test notice?

    python -m tests.mutation engine/gan/losses.py          # every error in a file
    python -m tests.mutation engine --sample 200            # two hundred of a folder's, drawn by a seed
    python -m tests.mutation --since v0.2                   # those on lines that changed, before a release

An error is a sign, a comparison, a constant, a condition, an argument or a statement gone wrong. The tests
that reach its line run on a copy of the project, the quickest first, until one fails. An error that they do
not notice has survived: it needs a law, or a line in equivalent_mutants.txt that says why it changes nothing.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import contextlib
import gc
import inspect
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from py_compile import PycInvalidationMode
from types import CodeType, FunctionType
from typing import Any

import coverage
import hypothesis.strategies  # noqa: F401 (what takes long to import is imported once, before the forks)
import pytest
import scipy.stats  # noqa: F401
import sklearn.datasets  # noqa: F401
import starlette.testclient  # noqa: F401
import streamlit.testing.v1  # noqa: F401
import torch  # noqa: F401
import torchvision  # noqa: F401

ROOT = Path(__file__).parents[1]
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.txt")
TESTS = ["tests/laws", "tests/contract", "engine"]  # of the engine
MORE_TESTS = [*TESTS, "tests/runs", "tests/pages"]  # of what is seen
IMPORT = "import"
# nobody reads what an assert says
QUICKLY = ["-q", "-x", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:xdist"]
QUIET = {"raise", "assert", "Measure", "knob", "term", "Field", "print", "warn"}  # words and ranges
# fmt: off
SWAPS: dict[type[ast.AST], str] = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "/", ast.Mod: "*", ast.Pow: "*",
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is", ast.And: "or", ast.Or: "and",
}
# fmt: on
PAIRS = """mean sum, min max, amin amax, sqrt square, floor ceil, log1p log, expm1 exp, argmin argmax,
any all, sin cos, softplus relu, randn_like zeros_like, zeros ones, zeros_like ones_like, train eval,
append extend, var std"""
METHODS = {a: b for pair in PAIRS.split(",") for a, b in (pair.split(), pair.split()[::-1])}
GONE = {"detach", "abs", "exp", "log", "flip", "tanh", "sigmoid", "clone", "flatten", "sort", "clamp"}


@dataclass(frozen=True)
class Mutant:
    """One error: these characters of a file replaced by those."""

    path: str
    line: int
    start: int
    end: int
    new: str
    old_line: str
    new_line: str

    def wrong(self, right: str) -> str:
        """The source of the file with the error."""
        return right[: self.start] + self.new + right[self.end :]

    @property
    def key(self) -> str:
        return f"{self.path} | {self.old_line.strip()} => {self.new_line.strip()}"


def mutants(path: str, source: str) -> Iterator[Mutant]:
    """Every error of a file, in the order of its lines."""
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def at(line: int, column: int) -> int:  # ast counts bytes
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    def span(node: Any) -> tuple[int, int]:
        return at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset)

    def make(start: int, end: int, new: str) -> Mutant:
        number = source.count("\n", 0, start)
        last = max(number, source.count("\n", 0, max(end - 1, start)))
        old = "".join(lines[number : last + 1])
        changed = old[: start - starts[number]] + new + old[end - starts[number] :]
        return Mutant(path, number + 1, start, end, new, *(" ".join(x.split()) for x in (old, changed)))

    def between(left: ast.AST, right: ast.AST, new: str) -> Mutant | None:
        start, end = span(left)[1], span(right)[0]
        gap = source[start:end]
        sign = re.search(r"not\s+in|is\s+not|[-+*/%<>=!@]+|\b(?:in|is|and|or)\b", gap)
        return sign and make(start + sign.start(), start + sign.end(), new)

    def of(node: ast.AST) -> Iterator[Mutant | None]:
        match node:
            case ast.BinOp(left, op, right) if type(op) in SWAPS:
                if not (isinstance(left, ast.Constant) and isinstance(left.value, str)):
                    yield between(left, right, SWAPS[type(op)])
            case ast.Compare(left, ops, others):
                for a, op, b in zip([left, *others], ops, others, strict=False):
                    yield between(a, b, SWAPS[type(op)])
            case ast.BoolOp(op, values):
                for a, b in pairwise(values):
                    yield between(a, b, SWAPS[type(op)])
            case ast.AugAssign(target, op, value) if type(op) in SWAPS:
                yield between(target, value, SWAPS[type(op)] + "=")
            case ast.UnaryOp(ast.USub() | ast.Not(), operand):
                yield make(span(node)[0], span(operand)[0], "")
            case ast.Constant(bool() as value):
                yield make(*span(node), str(not value))
            case ast.Constant(int() as value):
                yield make(*span(node), str(value + 1))
            case ast.Constant(float() as value):
                yield make(*span(node), repr(2 * value if value else 1.0))
            case ast.If(test) | ast.IfExp(test) | ast.While(test) if not isinstance(test, ast.Compare):
                start, end = span(test)
                yield make(start, end, f"(not ({source[start:end]}))")
            case ast.comprehension(ifs=[test, *_]):
                start, end = span(test)
                yield make(start, end, "True")
            case ast.Expr(ast.Call()):
                yield make(*span(node), "None")
            case ast.Slice(lower, upper, _):
                for part in (lower, upper):
                    if part is not None:
                        yield make(*span(part), "")
            case ast.Break():
                yield make(*span(node), "pass")
            case ast.Continue():
                yield make(*span(node), "pass")
        if isinstance(node, ast.AugAssign):
            yield make(*span(node), "pass")
        if isinstance(node, ast.Call):
            yield from calls(node)

    def calls(node: ast.Call) -> Iterator[Mutant]:
        if isinstance(node.func, ast.Attribute):
            name, value = node.func.attr, node.func.value
            dot = span(value)[1]
            if name in METHODS:
                start = source.index(name, dot)
                yield make(start, start + len(name), METHODS[name])
            elif name in GONE and not (isinstance(value, ast.Name) and value.id in {"torch", "np", "math"}):
                yield make(dot, span(node)[1], "")
        for keyword in node.keywords:  # an argument that is not passed on
            if keyword.arg and len(node.args) + len(node.keywords) > 1:
                start, end = span(keyword)
                comma = re.compile(r"\s*,").match(source, end)
                yield make(start, comma.end() if comma else end, "")
        for a, b in pairwise(node.args):  # two exchanged
            if isinstance(a, ast.Name | ast.Attribute) and isinstance(b, ast.Name | ast.Attribute):
                (s, e), (t, f) = span(a), span(b)
                yield make(s, f, source[t:f] + source[e:t] + source[s:e])

    def quiet(node: ast.AST) -> bool:
        """What is said and no computation: messages, annotations, declarations of knobs and measures."""
        if isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr | ast.Import | ast.ImportFrom):
            return True
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            return name in QUIET
        return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)

    def visit(node: ast.AST) -> Iterator[Mutant | None]:
        if quiet(node):
            return
        yield from of(node)
        for field, value in ast.iter_fields(node):
            if field in {"annotation", "returns", "decorator_list", "type_params"}:
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from visit(child)

    seen = set()
    for mutant in visit(ast.parse(source)):
        if mutant and (mutant.start, mutant.end, mutant.new) not in seen:
            seen.add((mutant.start, mutant.end, mutant.new))
            with contextlib.suppress(SyntaxError, ValueError):
                if ast.dump(ast.parse(mutant.wrong(source))) != ast.dump(ast.parse(source)):
                    yield mutant


# ---------------------------------------------------------------- the tests that reach a line
class Watch:
    """A pytest plugin that writes down which tests reach which line, and how long each takes. What a fixture
    of a whole file reaches, all tests of that file may notice."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.covered = coverage.Coverage(data_file=None, source=["engine", "lab"], config_file=False)
        self.covered.start()
        self.covered.switch_context(IMPORT)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self.covered.switch_context(item.nodeid)
        start = time.perf_counter()
        done = yield
        self.seconds[item.nodeid] = time.perf_counter() - start
        self.covered.switch_context(IMPORT)
        return done

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Generator[None, object, object]:
        item = request._pyfuncitem.nodeid
        self.covered.switch_context(item if fixturedef.scope == "function" else item.split("::")[0])
        try:
            return (yield)
        finally:
            self.covered.switch_context(item)

    def lines(self) -> dict[str, dict[int, list[str]]]:
        self.covered.stop()
        data = self.covered.get_data()
        return {os.path.relpath(path): data.contexts_by_lineno(path) for path in data.measured_files()}


@dataclass
class Reached:
    """Which tests reach which line of which file, and the seconds of each test."""

    lines: dict[str, dict[str, list[str]]]
    seconds: dict[str, float]

    def tests(self, mutant: Mutant) -> tuple[list[str], list[str]]:
        """The tests that reach a mutant's line, the quickest first, and then the others of their files,
        because what a cache holds was computed by the first test only."""
        file = self.lines.get(mutant.path, {})
        reached = set(file.get(str(mutant.line), []))
        if not reached or IMPORT in reached:  # a line of a class or a module: whoever uses the file
            reached = set().union(*file.values())
        files = {name.split("::")[0] for name in reached}
        near = [name for name in self.seconds if name in reached or name.split("::")[0] in reached]
        far = [name for name in self.seconds if name.split("::")[0] in files and name not in set(near)]
        return sorted(near, key=self.seconds.__getitem__), sorted(far, key=self.seconds.__getitem__)

    def first(self, names: list[str], limit: float) -> tuple[list[str], float]:
        """As many of these tests as take no longer than a limit, at least one; and their seconds."""
        ends = list(accumulate(self.seconds[name] for name in names))
        count = max(1, bisect_right(ends, limit))
        return names[:count], sum(ends[:count][-1:])


def copy(folder: Path) -> Path:
    """A copy of what the tests need, in which a file may be wrong."""
    for name in ("engine", "lab", "pages", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.pyc", "__pycache__"))
        # by hash: a file that changed within a second and kept its size is compiled again
        checked = PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(folder / name, quiet=2, invalidation_mode=checked)
    for name in ("assets", ".github", ".ci", "README.md", "Makefile", "pyproject.toml", ".venv", ".git"):
        if (ROOT / name).exists():
            (folder / name).symlink_to((ROOT / name).resolve())
    return folder


def ended(pid: int, seconds: float) -> int:
    """The status of a process; 124 if it took longer, and then it is gone."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (done := os.waitpid(pid, os.WNOHANG))[0]:
            return os.waitstatus_to_exitcode(done[1])
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return 124


def forked(folder: Path, seconds: float, action: Callable[[], int]) -> int:
    """The status of an action in a process of its own, at home in a copy; 124 if it took longer."""
    if (pid := os.fork()) == 0:
        gc.freeze()  # pytest looks for garbage ten times, and none of it is in the libraries
        os.setsid()
        os.chdir(folder)
        sys.path[:] = [str(folder), *(path for path in sys.path if Path(path or ".").resolve() != ROOT)]
        for name in [name for name in sys.modules if name.split(".")[0] in {"tests", "engine", "lab"}]:
            del sys.modules[name]
        os.environ.update(OMP_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1")
        sys.dont_write_bytecode = True
        out = os.open(folder / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1), os.dup2(out, 2)
        status = 3
        try:
            status = action()
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(status)
    return ended(pid, seconds)


class Only:
    """A pytest plugin that runs these tests and no others of their files, in this order. Pytest itself would
    look through a file once for each test that it is told."""

    def __init__(self, names: list[str]) -> None:
        self.rank = {name: rank for rank, name in enumerate(names)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.rank), key=lambda item: self.rank[item.nodeid]
        )


def pytests(places: Iterable[str], *plugins: object) -> int:
    return int(pytest.main([*QUICKLY, *places], plugins))


def only(names: list[str]) -> int:
    """The status of these tests; 0 if none of them is there any more, which is no failure."""
    status = pytests(dict.fromkeys(name.split("::")[0] for name in names), Only(names))
    return 0 if status == pytest.ExitCode.NO_TESTS_COLLECTED else status


def reach(folder: Path, tests: list[str]) -> Reached:
    """Run the tests on the right code, and see what they reach."""

    def action() -> int:
        watch = Watch()
        status = pytests(tests, watch)
        Path("reached.json").write_text(json.dumps([watch.lines(), watch.seconds]))
        return status

    if forked(folder, 3600, action):
        sys.exit(f"The tests fail on the right code:\n{(folder / 'output').read_text()[-3000:]}")
    return Reached(*json.loads((folder / "reached.json").read_text()))


# ---------------------------------------------------------------- trying an error
def inner(code: CodeType) -> list[CodeType]:
    return [const for const in code.co_consts if isinstance(const, CodeType)]


def bare(code: CodeType) -> tuple[Any, ...]:
    """What a code does, without its lines and what is defined in it."""
    consts = [(type(const), None if isinstance(const, CodeType) else const) for const in code.co_consts]
    return code.co_code, repr(consts), code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars


def same(a: CodeType, b: CodeType) -> bool:
    return bare(a) == bare(b) and all(map(same, inner(a), inner(b)))


def differing(old: CodeType, new: CodeType) -> list[tuple[CodeType, CodeType]]:
    """The functions of a module that differ. Raises ValueError if something else does."""
    if bare(old) != bare(new):
        raise ValueError("A module or a class has changed.")
    pairs = []
    for a, b in zip(inner(old), inner(new), strict=True):
        if a.co_flags & inspect.CO_OPTIMIZED:  # a function
            pairs += [] if same(a, b) else [(a, b)]
        else:
            pairs += differing(a, b)
    return pairs


class Functions:
    """The functions of a copy that are there once its tests are collected."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.of_file: dict[str, list[FunctionType]] = {}
        for thing in gc.get_objects():
            if type(thing) is FunctionType and thing.__code__.co_filename.startswith(str(folder)):
                self.of_file.setdefault(thing.__code__.co_filename, []).append(thing)

    def with_error(self, mutant: Mutant) -> list[tuple[FunctionType, CodeType]]:
        """Which of them get which code instead. Raises ValueError if that would not be the whole error."""
        path = str(self.folder / mutant.path)
        right = Path(path).read_text()
        swaps = []
        for a, b in differing(compile(right, path, "exec"), compile(mutant.wrong(right), path, "exec")):
            if a.co_freevars != b.co_freevars:  # a function keeps its cells
                raise ValueError("It uses other variables of the function around it.")
            place = a.co_qualname, a.co_firstlineno
            known = ((f, f.__code__) for f in self.of_file.get(path, []))
            mine = [f for f, code in known if (code.co_qualname, code.co_firstlineno) == place]
            made = f"{a.co_qualname}.<locals>."
            if not mine or any(one.__code__.co_qualname.startswith(made) for one in self.of_file[path]):
                raise ValueError("It has done its work: a decorator, or a part of a constant.")
            swaps += [(one, b) for one in mine]
        return swaps


class Trials:
    """A pytest plugin that collects the tests once. For each error of a function it forks, gives the function
    its wrong code, and lets pytest go on with the tests that reach it. Which are killed stands in a file."""

    def __init__(self, folder: Path, trials: Mapping[int, Mutant], reached: Reached, limit: float) -> None:
        self.folder, self.trials, self.reached, self.limit = folder, trials, reached, limit

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        items = {item.nodeid: item for item in session.items}
        functions = Functions(self.folder)
        gc.freeze()
        for index, mutant in self.trials.items():
            try:
                swaps = functions.with_error(mutant)
            except ValueError:
                continue
            near, _ = self.reached.tests(mutant)
            names, seconds = self.reached.first([name for name in near if name in items], self.limit)
            if not names:
                continue
            if (pid := os.fork()) == 0:
                os.setsid()
                for function, code in swaps:
                    function.__code__ = code
                session.items = [items[name] for name in names]
                return None  # pytest goes on with them
            if ended(pid, 60 + 10 * seconds):
                with (self.folder / "killed").open("a") as killed:
                    killed.write(f"{index}\n")
        return True


def killed_quickly(folder: Path, trials: Mapping[int, Mutant], reached: Reached, limit: float) -> set[int]:
    """Those that are noticed by tests that were collected once. Others may be noticed by fate()."""
    (folder / "killed").touch()
    places = dict.fromkeys(name.split("::")[0] for name in reached.seconds)
    forked(folder, 1e9, lambda: pytests(places, Trials(folder, trials, reached, limit)))
    return {int(line) for line in (folder / "killed").read_text().split()}


def fate(folder: Path, mutant: Mutant, reached: Reached, limit: float) -> str:
    """killed, survived, or unreached, which is worse: by tests that import the file with the error."""
    near, far = reached.tests(mutant)
    path = folder / mutant.path
    right = path.read_text()
    path.write_text(mutant.wrong(right))
    try:
        names, seconds = reached.first([*near, *far], limit)
        if names and forked(folder, 60 + 10 * seconds, lambda: only(names)):
            return "killed"
    finally:
        path.write_text(right)
    return "survived" if near else "unreached"


def changed(since: str) -> dict[str, set[int]]:
    """The lines of each file that changed since a commit."""
    text = subprocess.check_output(
        ["git", "diff", "-U0", since, "--", "engine", "lab/runs"], cwd=ROOT, text=True
    )
    lines: dict[str, set[int]] = {}
    path = ""
    for line in text.splitlines():
        if line.startswith("+++ "):
            path = line[6:]
        elif hunk := re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line):
            start, count = int(hunk[1]), int(hunk[2] or 1)
            lines.setdefault(path, set()).update(range(start, start + count))
    return lines


def chosen(paths: list[str], since: str | None, sample: int, seed: int) -> list[Mutant]:
    """The mutants to try, without those that are proved to change nothing."""
    known = {line.split("  # ")[0] for line in EQUIVALENT.read_text().splitlines()}  # a key may hold a " # "
    lines = changed(since) if since else {}
    wanted = [ROOT / path for path in paths or lines]
    files = [file for path in wanted for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path])]
    every = []
    for file in dict.fromkeys(files):
        if file.suffix == ".py" and file.exists():
            name = file.relative_to(ROOT).as_posix()
            found = mutants(name, file.read_text())
            every += [m for m in found if m.key not in known and (not since or m.line in lines.get(name, ()))]
    if sample and sample < len(every):
        every = sorted(random.Random(seed).sample(every, sample), key=lambda m: (m.path, m.start))
    return every


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", help="files and folders in which errors are made")
    parser.add_argument("--since", help="only on lines that changed since this commit")
    parser.add_argument("--sample", type=int, default=0, help="only so many, drawn by --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--tests", nargs="+", help="files and folders of tests (chosen by the paths if left out)"
    )
    parser.add_argument("--limit", type=float, default=60, help="seconds of tests that an error is given")
    parser.add_argument("--jobs", type=int, default=1, help="processes at work")
    parser.add_argument("--list", action="store_true", help="show the errors and try none")
    asked = parser.parse_args()
    trials = chosen(asked.paths, asked.since, asked.sample, asked.seed)
    print(f"{len(trials)} errors", flush=True)
    if asked.list or not trials:
        for mutant in trials:
            print(f"{mutant.path}:{mutant.line}: {mutant.old_line} => {mutant.new_line}")
        return
    tests = asked.tests or (TESTS if all(m.path.startswith("engine") for m in trials) else MORE_TESTS)
    with tempfile.TemporaryDirectory(prefix="mutation") as temporary:
        folders = [copy(Path(temporary) / str(job)) for job in range(asked.jobs)]
        start = time.monotonic()
        reached = reach(folders[0], tests)
        print(f"{len(reached.seconds)} tests watched in {time.monotonic() - start:.0f} s", flush=True)
        fates = {"killed": 0, "survived": 0, "unreached": 0}
        for mutant, end in tried(folders, trials, reached, asked.limit):
            fates[end] += 1
            if end != "killed":
                print(f"{end} {mutant.path}:{mutant.line}\n    {mutant.key}", flush=True)
    print(", ".join(f"{count} {name}" for name, count in fates.items()))
    print(f"score {fates['killed'] / len(trials):.1%} in {(time.monotonic() - start) / 60:.0f} minutes")


def tried(
    folders: list[Path], trials: list[Mutant], reached: Reached, limit: float
) -> Iterator[tuple[Mutant, str]]:
    """Each mutant and its fate; as many at a time as there are copies."""
    read, write = os.pipe()
    for job, folder in enumerate(folders):
        if os.fork() == 0:
            mine = {index: trials[index] for index in range(job, len(trials), len(folders))}
            killed = killed_quickly(folder, mine, reached, limit)
            for index, mutant in mine.items():
                end = "killed" if index in killed else fate(folder, mutant, reached, limit)
                os.write(write, f"{index} {end}\n".encode())
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as lines:
        for line in lines:
            index, end = line.split()
            yield trials[int(index)], end


if __name__ == "__main__":
    main()
