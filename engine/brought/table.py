"""Tables that users bring: two columns of numbers in a text file, as spreadsheets and programs write them."""

from __future__ import annotations

import csv
import io
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from engine.config import Refused

FEWEST, MOST = 10, 100_000  # rows
MOST_BYTES = 10_000_000
LARGEST, SMALLEST = 1e300, 1e-280  # of a column's numbers: beyond, 64 bits lose what is computed from them
FINEST = 1e-12  # of a column's largest number: with less spread, 64 bits know too few digits of it
MARKS = (";", "\t", ",", "|", " ")  # between columns; of those that fit equally well, the first
SAMPLE = 400  # lines that choose the mark
BOMS = {
    BOM_UTF8: "utf-8", BOM_UTF32_LE: "utf-32-le", BOM_UTF32_BE: "utf-32-be", BOM_UTF16_LE: "utf-16-le",
    BOM_UTF16_BE: "utf-16-be",
}  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_SEPARATOR = re.compile(r'"?sep=([;,|\t ])"?[ \t;,]*(?=[\r\n]|$)', re.IGNORECASE)  # a first line for Excel
_NUMERIC = re.compile(r"[+-]?([.,]?\d[\d.,'\u2019\u00a0\u202f]*)?\d\.?([eE][+-]?\d+)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NO_NUMBER = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_THOUSAND = {mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}[{mark}]\d{{3}}", re.ASCII) for mark in ".,"}
"""A number like 1.234 or 1,234, which does not show what its mark means."""


def _grouped(point: str, fewest: int, end: str) -> str:
    """A pattern of digits in groups of three, `fewest` or more behind the first, where `point` is decimal."""
    return rf"[+-]?\d{{1,3}}(([{',.'.replace(point, '')}]|['\u2019 \u00a0\u202f])\d{{3}}){{{fewest},}}{end}"


_GROUPED = {p: re.compile(_grouped(p, 1, rf"([{p}]\d*)?"), re.ASCII) for p in ".,"}
_SHOWS = {
    p: re.compile(
        rf"{_grouped(p, 1, f'[{p}]')}\d*|{_grouped(p, 2, '')}|[+-]?\d*[{p}]\d*([eE][+-]?\d+)?", re.ASCII
    )
    for p in ".,"
}
"""Numbers that show which mark is decimal, unless they are like `_THOUSAND`."""


class Line(NamedTuple):
    """A line of a table: its number in the file, from 1, and its cells."""

    at: int
    cells: list[str]


def read_csv(source: str | bytes) -> np.ndarray:
    """The two columns of numbers of a text, shape (n, 2), float64. Raises `Refused`, with line and cell.

    The text may be UTF-8, UTF-16, UTF-32 or windows-1252, with any line ends. Columns are separated by
    semicolons, tabs, commas, bars or spaces, and cells may be quoted. A comma in a number is decimal or
    stands between thousands, as the numbers show. A first line of words is a header; lines and columns
    without content and lines that begin with # are left out.
    """
    if len(source) > MOST_BYTES:
        raise Refused("The table is larger than 10 MB; bring fewer rows.")
    text = decoded(source) if isinstance(source, bytes) else source.removeprefix("\ufeff")
    text = text.rstrip("\x1a")  # the end of a file under DOS
    if wrong := _CONTROL.search(text):
        at = len(re.findall(r"\r\n?|\n", text[: wrong.start()])) + 1
        raise Refused(f"Line {at} holds a control character: the file is not text; save the table as CSV.")
    return numbers(rows_of(text))


def decoded(source: bytes) -> str:
    """The text of a file. Raises `Refused` if it begins like another encoding than it goes on."""
    bom = next((bom for bom in BOMS if source.startswith(bom)), b"")
    codec, half = BOMS.get(bom, "utf-8"), len(source) / 4
    if not bom and max(source[::2].count(0), source[1::2].count(0)) > half:  # two bytes for each character
        codec = "utf-16-le" if source[1::2].count(0) > half else "utf-16-be"
    try:
        return source[len(bom) :].decode(codec)
    except UnicodeDecodeError as error:
        if codec == "utf-8" and not bom:  # digits are the same, and the words of a header do not matter
            return source.decode("cp1252", "replace")
        name = codec.upper().removesuffix("-LE").removesuffix("-BE")
        raise Refused(f"The file begins as {name} and is damaged; save the table as CSV again.") from error


def rows_of(text: str) -> list[Line]:
    """The rows of two cells, without header and without what is empty. Raises `Refused`."""
    mark = None
    if first := _SEPARATOR.match(text):
        mark, text = first[1], text[first.end() :]  # its line end stays and counts
    head = "\n".join(re.split(r"\r\n?|\n", text, maxsplit=SAMPLE)[:SAMPLE])
    mark = mark or max(MARKS, key=lambda mark: _fits(head, mark))
    lines = list(_parsed(text, mark))
    if not lines:
        raise Refused("The table is empty; give two columns of at least 10 numbers.")
    used = {i for line in lines for i, cell in enumerate(line.cells) if cell}
    lines = [Line(at, [cell for i, cell in enumerate(cells) if i in used]) for at, cells in lines]
    header = not any(_NUMERIC.fullmatch(cell) or _NO_NUMBER.fullmatch(cell) for cell in lines[0].cells)
    for at, cells in lines[header:]:
        if len(cells) != 2:
            columns = f"{len(cells)} column{'s' * (len(cells) != 1)}"
            raise Refused(f"Line {at} has {columns}; give exactly two, separated by a comma.")
    if header and mark != " " and len(lines) > 1 and len(lines[0].cells) != 2:
        ones, others = len(lines[0].cells), lines[1].at
        raise Refused(
            f"Line {lines[0].at} has {ones} column{'s' * (ones != 1)} and line {others} has 2; "
            "give every line exactly two, separated by a comma."
        )
    return lines[header:]


def _fits(text: str, mark: str) -> tuple[int, int, int]:
    """How many lines a mark divides into two numbers, into two cells, and at all."""
    rows = [[cell for cell in line.cells if cell] for line in _parsed(text, mark, strict=False)]
    two = [cells for cells in rows if len(cells) == 2]
    return sum(all(map(_NUMERIC.fullmatch, cells)) for cells in two), len(two), sum(len(c) > 2 for c in rows)


def _parsed(text: str, mark: str, strict: bool = True) -> Iterator[Line]:
    """The lines that hold something, in cells. Raises `Refused` for misplaced quotation marks if `strict`."""
    at, lines = 1, io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=mark, skipinitialspace=True, strict=strict)
    try:
        for cells in reader:
            cells = [cell.strip(" \t\f\v\u00a0\u202f'\"").replace("\u2212", "-") for cell in cells]
            while mark == " " and cells and not cells[-1]:
                cells.pop()  # spaces at the end of the line
            if any(cells) and not cells[0].startswith("#"):
                yield Line(at, cells)
            at = reader.line_num + 1
    except csv.Error as error:
        if strict:
            long = "field limit" in str(error)
            what = "is too long for a row of numbers" if long else "holds a quotation mark out of place"
            raise Refused(f"Line {at} {what}; correct or remove it.") from error


def numbers(rows: list[Line]) -> np.ndarray:
    """Rows of two cells as an array (n, 2). Raises `Refused`."""
    if len(rows) > MOST:
        raise Refused(f"The table has {len(rows):,} rows; give at most {MOST:,}.")
    point = decimal_mark(rows)
    plain = [[_plain(cell, point) for cell in cells] for _, cells in rows]
    for (at, cells), written in zip(rows, plain, strict=True):
        for cell, number in zip(cells, written, strict=True):
            held = f"Line {at} holds {cell[:40]!r}"
            if _NO_NUMBER.fullmatch(cell):
                raise Refused(f"{held}, which is not a finite number; remove it.")
            if not number:
                raise Refused(f"{held} where a number should be; correct or remove it.")
            if abs(float(number)) > LARGEST:
                raise Refused(f"{held}, which is too large; give it in another unit.")
    if len(rows) < FEWEST:
        raise Refused(f"The table has only {len(rows)} rows of numbers; give at least {FEWEST}.")
    points = np.array(plain, dtype=np.float64)
    for column, values in enumerate(points.T, 1):
        if np.ptp(values) == 0 and len({Decimal(numbers[column - 1]) for numbers in plain}) > 1:
            raise Refused(_too_small(column) if not values.any() else _too_close(column))
    check_columns(points)
    return points


def check_columns(points: np.ndarray) -> None:
    """Raises `Refused` if 64 bits cannot tell the numbers in a column (n, 2) apart well."""
    for column, values in enumerate(points.T, 1):
        size, spread = np.abs(values).max(), np.ptp(values)
        if spread == 0:
            raise Refused(f"All numbers in column {column} are the same; bring a column that varies.")
        if size < SMALLEST:
            raise Refused(_too_small(column))
        if spread < FINEST * size:
            raise Refused(_too_close(column))


def _too_small(column: int) -> str:
    return f"The numbers in column {column} are too small to compute with; give them in another unit."


def _too_close(column: int) -> str:
    return f"The numbers in column {column} agree in 12 digits; subtract one of them from all."


def decimal_mark(rows: list[Line]) -> str:
    """A comma or a point, as the numbers show. Raises `Refused` if they show both, or leave it open."""
    shown: dict[str, Line] = {}
    unclear = None
    for at, cells in rows:
        for cell in cells:
            for mark, other in (",.", ".,"):
                if mark not in cell and cell.count(other) < 2:
                    continue
                if _THOUSAND[mark].fullmatch(cell):
                    unclear = unclear or (Line(at, [cell]) if mark == "," else None)
                elif _SHOWS[mark].fullmatch(cell):
                    shown.setdefault(mark, Line(at, [cell]))
    if len(shown) == 2:
        (one, (a,)), (two, (b,)) = sorted(shown.values())
        both = f"Line {one} holds {a[:40]!r} and line {two} {b[:40]!r}"
        raise Refused(f"{both}; write all numbers with the same decimal mark.")
    if unclear and not shown:
        cell = unclear.cells[0]
        raise Refused(
            f"Line {unclear.at} holds {cell!r}, which may be {cell.replace(',', '.')} or "
            f"{cell.replace(',', '')}; write all numbers without commas."
        )
    return next(iter(shown), ".")


def _plain(cell: str, point: str) -> str:
    """The number in a cell as Python writes it; empty if there is none."""
    if _GROUPED[point].fullmatch(cell):
        cell = re.sub(r"[^\d+-]" if point not in cell else rf"[^\d+{point}-]", "", cell)
    cell = cell.replace(",", ".") if point == "," else cell
    return cell if _NUMBER.fullmatch(cell) else ""
