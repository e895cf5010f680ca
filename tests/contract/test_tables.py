"""Tables as spreadsheets and programs write them are read; a refusal says what is the case."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.brought import table
from engine.config import Refused
from engine.data import keep_points, load, read_csv

CASES = Path(__file__).parents[1] / "cases"
FIRST = {  # the first line of numbers, the encoding, the separator and the decimal mark
    "ten.txt": (1, "utf-8", ",", "."),
    "ten.csv": (1, "utf-8", ",", "."),
    "ten,rows.csv": (1, "utf-8", ",", "."),
    "mac-cr.csv": (1, "utf-8", ",", "."),
    "cp1252-header.csv": (1, "cp1252", ";", ","),
    "excel-unicode.csv": (1, "utf-16", "\t", "."),
    "two-columns-quoted-comma.csv": (1, "utf-8", '","', ","),
    "tiny-1e-50.csv": (0, "utf-8", ",", "."),
    "tiny-1e-170.csv": (0, "utf-8", ",", "."),
    "nanoseconds.csv": (0, "utf-8", ",", "."),
}


def case(name):
    return (CASES / name).read_bytes()


@pytest.mark.parametrize("name", FIRST)
def test_a_table_of_the_cases_is_read_number_for_number(name):
    first, encoding, mark, point = FIRST[name]
    lines = case(name).decode(encoding).split("\r" if name == "mac-cr.csv" else "\n")[first:]
    numbers = [
        line.strip('"\r').replace(point, ".").split(mark.replace(point, ".")) for line in lines if line
    ]
    if mark == point:
        numbers = [line.split(mark) for line in lines if line]
    assert np.array_equal(read_csv(case(name)), np.array(numbers, dtype=float))
    assert len(numbers) >= 10


def test_one_column_of_quoted_decimal_commas_is_one_column():
    with pytest.raises(Refused, match=r"^Line 2 has 1 column; give exactly two, separated by a comma\.$"):
        read_csv(case("one-column-quoted.csv"))


def rows(form, header="", n=12, end="\n"):
    """A text of n rows; in the form, i is 0, 1, ... and j from 100 on."""
    return header + "".join(form.format(i=i, j=100 + i, q=i * i) + end for i in range(n))


T = np.arange(12.0)
FORMS = {
    "points between German thousands": (rows("1.{j},5;{i},25"), 1100.5 + T, T + 0.25),
    "commas between English thousands, quoted": (rows('"1,{j}.5","{i}"', "a,b\n"), 1100.5 + T, T),
    "German millions": (rows("1.{j}.000;1.{j}"), 1e6 + 1e5 + 1000 * T, 1100 + T),
    "millions": (rows('"1,{j},000"\t{i}', "a\tb\n"), 1e6 + 1e5 + 1000 * T, T),
    "millions beside thousands": (rows("1,{j},000\t1,{j}"), 1e6 + 1e5 + 1000 * T, 1100 + T),
    "millions with spaces": (rows("1 {j} 000;{i}"), 1e6 + 1e5 + 1000 * T, T),
    "thousands and decimals in two columns": (rows('"1,{j}",{i}.5'), 1100 + T, T + 0.5),
    "apostrophes between Swiss thousands": (rows("1'{j}.5;{i}"), 1100.5 + T, T),
    "spaces between thousands": (rows("1 {j},5;{i}"), 1100.5 + T, T),
    "thin spaces between thousands": (rows("1\u202f{j},5;{i}"), 1100.5 + T, T),
    "three decimals behind a comma": (rows("{i},{j};0,5{i}"), T + 0.1 + T / 1000, None),
    "the separator that Excel is told": (rows("{i}|{q}", "sep=|\r\nx|y\r\n"), T, T**2),
    "separators at the ends": (rows("{i}, {q},", "x, y,\n"), T, T**2),
    "an empty column between": (rows("{i};;{q}", "x;;y\n"), T, T**2),
    "rows of separators alone": (rows("{i},{q}", "x,y\n") + ",\n" * 3, T, T**2),
    "numpy's own": (rows("{i}.0e+00 {q}.0e+00", "# x y\n"), T, T**2),
    "comments": (rows("{i}\t{q}", "# of 2024\n# by hand\nx\ty\n"), T, T**2),
    "spaces in line": (rows("    {i}    {q}  ", "  x   y\n"), T, T**2),
    "decimal commas between spaces": (rows("{i},5 {i},25"), T + 0.5, T + 0.25),
    "names of two words between spaces": (rows("{i} {q}", "the x the y\n"), T, T**2),
    "a comma between names alone": (rows("{i},5 {q}", "x,y\n"), T + 0.5, T**2),
    "a table of bars": (rows("| {i} | {q} |"), T, T**2),
    "a header of two lines in quotes": (rows("{i},{q}", '"x\n(m)","y"\n'), T, T**2),
    "a header with another separator": (rows("{i},{q}", "length; m,weight\n"), T, T**2),
    "a true minus": (rows("\u2212{i},{q}"), -T, T**2),
    "single quotes": (rows("'{i},5';'{q}'"), T + 0.5, T**2),
    "exponents behind decimal commas": (rows("{i},5E-3;{q}"), (T + 0.5) * 1e-3, T**2),
    "UTF-16 without a mark": (rows("{i}\t{q}", "x\ty\n").encode("utf-16-le"), T, T**2),
    "UTF-16, the other way round": (b"\xfe\xff" + rows("{i}\t{q}").encode("utf-16-be"), T, T**2),
    "the same without a mark": (rows("{i}\t{q}").encode("utf-16-be"), T, T**2),
    "UTF-32": (rows("{i}\t{q}", "x\ty\n").encode("utf-32"), T, T**2),
    "Japanese names": (rows("{i},{q}", "長さ,重さ\n").encode("shift_jis"), T, T**2),
    "a space before a quoted number": (rows('"{i},5", "{i},25"'), T + 0.5, T + 0.25),
    "an old Mac's names": (rows("{i},{q}", "Länge,Größe\r", end="\r").encode("mac_roman"), T, T**2),
    "the end of a file under DOS": (rows("{i},{q}", end="\r\n").encode() + b"\x1a", T, T**2),
    "large beside small": (rows("{i}e290,{q}e-200"), T * 1e290, T**2 * 1e-200),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_read_as_whoever_wrote_it_means_it(form):
    text, x, y = FORMS[form]
    points = read_csv(text)
    np.testing.assert_allclose(points[:, 0], x, rtol=1e-14)
    if y is not None:
        np.testing.assert_allclose(points[:, 1], y, rtol=1e-14)


REFUSED = {
    "a comma of either meaning": (rows("1,{j};{i}"), "Line 1 holds '1,100', which may be 1.100 or 1100"),
    "the same in quotes": (rows('"1,{j}",{i}', "a,b\n"), "Line 2 holds '1,100', which may be"),
    "two decimal marks": (rows("{i},5;{i}.25"), "Line 1 holds '0,5' and line 1 '0.25'; write all numbers"),
    "millions beside decimal commas": (rows("1,{j},000\t{i},5"), "'0,5' and line 1 '1,100,000'; write all"),
    "two decimal marks, lines apart": (rows("{i};{q}.5") + "1;7,25\n", "'0.5' and line 13 '7,25'; write"),
    "one column under its name": (rows("{i},5", "x\n"), "Line 1 has 1 column and line 2 has 2; give every"),
    "three names": (rows("{i},{q}", "x,y,z\n"), "Line 1 has 3 columns and line 2 has 2"),
    "three names above one row": ("x,y,z\n1,2\n", "Line 1 has 3 columns and line 2 has 2"),
    "a third number far below": (rows("{i},{q},", n=30) + "1,2,3\n", "Line 1 has 3 columns; give"),
    "an index": (rows("{i},{i}.5,{q}", ",x,y\n"), "Line 2 has 3 columns; give exactly two"),
    "no end of a quotation": (rows("{i},{q}") + '5,"6\n7,8\n', "Line 13 holds a quotation mark out of place"),
    "a quotation in a number": (rows("{i},{q}", '"x","y"\n') + '5,"6"7\n', "Line 14 holds a quotation mark"),
    "lines behind a long header": (rows("{i},{q}", '"x\n\n(m)",y\n') + "1,?\n", "Line 16 holds '?' where a"),
    "a word behind Excel's separator": (rows("{i}|{q}", "sep=|\r\n") + "1|?\n", "Line 14 holds '?' where a"),
    "a word behind empty lines": ("\r\n\n" + rows("{i},{q}") + "1,?\n", "Line 15 holds '?' where a"),
    "dates": (rows("2024-01-{j},{i}"), "Line 1 holds '2024-01-100' where a number should be"),
    "German dates": (rows("01.02.2024;{i},5"), "Line 1 holds '01.02.2024' where a number should be"),
    "money": (rows("{i},€{q}"), "Line 1 holds '€0' where a number should be"),
    "per cent": (rows("{i},{q}%"), "Line 1 holds '0%' where a number should be"),
    "wide digits": (rows("{i},{q}") + "1,１２\n", "Line 13 holds '１２' where a number should be"),
    "a long word": (rows("{i},{q}") + f"1,{'x' * 999}\n", f"Line 13 holds '{'x' * 40}' where a number"),
    "a long number": (rows("{i},{q}") + f"1,-{'9' * 999}\n", f"holds '-{'9' * 39}', which is too large"),
    "a missing cell": (rows("{i}\t{q}") + "5\t\n", "Line 13 holds '' where a number should be"),
    "a wrong group": (rows("1.{j},5;{i}") + "1.23,5;1\n", "Line 13 holds '1.23,5' where a number"),
    "beyond 64 bits": (rows("{i},{q}") + f"1,{'9' * 400}\n", "which is too large; give it in another unit"),
    "below 64 bits": (rows("{i},{q}e-400"), "numbers in column 2 are too small to compute with"),
    "hardly within 64 bits": (rows("{i}e-320,{q}"), "numbers in column 1 are too small to compute with"),
    "apart by nanoseconds": (rows("{i},1700000000000000{j}"), "column 2 agree in 12 digits; subtract"),
    "apart in the 15th digit": (rows("1.00000000000{j},{i}"), "column 1 agree in 12 digits; subtract"),
    "one apart in the 18th digit": (rows("{i},1") + "5,1.00000000000000001\n", "column 2 agree in 12 digits"),
    "the same": (rows("{i},5.0"), "All numbers in column 2 are the same"),
    "the same in two ways": (rows("{i},5.0") + "1,5\n", "All numbers in column 2 are the same"),
    "a NUL": (rows("{i},{q}") + "1,\0\n", "Line 13 holds a control character: the file is not text"),
    "a NUL behind old line ends": (rows("{i},{q}", end="\r") + "1,\0\r", "Line 13 holds a control character"),
    "half of UTF-16": (rows("{i}\t{q}").encode("utf-16")[:-1], "begins as UTF-16 and is damaged; save"),
    "no UTF-8 behind its mark": (b"\xef\xbb\xbf\xff" + rows("{i},{q}").encode(), "begins as UTF-8 and is"),
    "a line of a megabyte": ("1" * 10**6 + ",2\n" + rows("{i},{q}"), "Line 1 is too long for a row of"),
    "an Excel workbook": (b"PK\x03\x04\x14\0\6\0" + bytes(range(99)), "is not text; save the table as CSV"),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_a_refusal_says_what_is_the_case(why):
    source, says = REFUSED[why]
    with pytest.raises(Refused) as error:
        read_csv(source)
    message = str(error.value)
    assert says in message
    assert message.endswith(".")
    assert message.isprintable()
    assert len(message) < 200


@pytest.mark.parametrize("name", ["tiny-1e-50.csv", "tiny-1e-170.csv", "nanoseconds.csv"])
def test_units_keep_their_digits(name, tmp_path):
    points = read_csv(case(name))
    data = load(keep_points(points, "csv", tmp_path), tmp_path)
    x = np.concatenate([data.x, data.test_x]).astype(np.float64)
    test = np.arange(len(points)) % 10 == 9
    order = np.concatenate([points[~test], points[test]])
    scale = np.abs(points).max(0)
    center, unit = data.center.numpy(), data.unit.numpy()
    assert np.abs(center / scale - (points / scale).mean(0)).max() < 1e-15
    np.testing.assert_allclose(unit, (points / scale).std(0) * scale, rtol=1e-6)
    assert np.abs(x.mean(0)).max() < 1e-6
    assert np.abs(x.std(0) - 1).max() < 1e-6
    assert (np.abs(x * unit + center - order) <= 1e-6 * unit + 1e-15 * scale).all()
    assert len(np.unique(data.x[:, 0])) == len(np.unique(points[~test][:, 0]))


@pytest.mark.parametrize("scale", [1e-280, 1e-160, 1e-40, 1.0, 1e30, 1e160, 1e299])
@pytest.mark.parametrize("shift", [0.0, 1.0, 1e9])
def test_a_table_is_the_same_in_any_unit(scale, shift, tmp_path):
    """Oracle: numbers around 1, computed in the usual way."""
    z = np.random.default_rng(0).normal(size=(30, 2)) + shift
    data = load(keep_points(z / max(1.0, shift) * scale, "csv", tmp_path), tmp_path)
    wanted = (z - z.mean(0)) / z.std(0)
    test = np.arange(30) % 10 == 9
    np.testing.assert_allclose(data.x, wanted[~test], atol=1e-5)
    np.testing.assert_allclose(data.test_x, wanted[test], atol=1e-5)
    np.testing.assert_allclose(data.unit.numpy() / scale, z.std(0) / max(1.0, shift), rtol=1e-5)
    assert data.box[1] == pytest.approx(min(8, max(3, 1.1 * np.abs(wanted).max())), rel=1e-5)


def test_points_that_cannot_be_told_apart_are_not_called_the_same(tmp_path):
    x = np.stack([np.arange(20.0), 1e15 + np.arange(20.0)], 1)
    with pytest.raises(Refused, match=r"^The numbers in column 2 agree in 12 digits; subtract one of them"):
        keep_points(x, "csv", tmp_path)
    with pytest.raises(Refused, match=r"^The numbers in column 1 are too small"):
        keep_points(x * [1e-290, 1], "csv", tmp_path)
    with pytest.raises(Refused, match=r"^Row 2 holds a number beyond 1e300"):
        keep_points(x * [-2e300, 1], "csv", tmp_path)
    x[:, 1] = 1e15 + 1e5 * np.arange(20)
    assert len(load(keep_points(x, "csv", tmp_path), tmp_path)) == 18


@pytest.mark.parametrize("kind", ["drawn", "csv"])
def test_the_largest_numbers_that_are_allowed_are_taken(kind, tmp_path):
    """And the least that is larger is refused."""
    most = {"drawn": 3.0, "csv": 1e300}[kind]
    for end in (most, -most):
        x = np.stack([np.linspace(-end, end, 20), np.linspace(-1, 1, 20)], 1)
        assert len(load(keep_points(x, kind, tmp_path), tmp_path).x)
        if kind == "csv":
            assert np.array_equal(read_csv("\n".join(f"{a!r},{b!r}" for a, b in x.tolist())), x)
        x[3, 0] = np.nextafter(end, 2 * end)
        with pytest.raises(Refused, match="outside the square" if kind == "drawn" else "beyond 1e300"):
            keep_points(x, kind, tmp_path)
        if kind == "csv":
            with pytest.raises(Refused, match=r"Line 4 holds .* too large"):
                read_csv("\n".join(f"{a!r},{b!r}" for a, b in x.tolist()))


@pytest.mark.parametrize(
    ("offset", "most", "says"), [(0, 1e-280, "too small"), (-5e15, 5000, "agree in 12 digits")]
)
def test_numbers_that_64_bits_just_tell_apart_are_taken(offset, most, says, tmp_path):
    for share, taken in ((1.01, True), (1.0, True), (0.99, False)):
        x = np.stack([np.arange(12.0), offset + np.linspace(0, share * most, 12)], 1)
        for column in (0, 1):
            if taken:
                assert keep_points(x, "csv", tmp_path)
                continue
            with pytest.raises(Refused, match=rf"in column {2 - column} (are )?{says}"):
                keep_points(x, "csv", tmp_path)
            x = x[:, ::-1]


def test_the_largest_table_that_is_allowed_is_taken(monkeypatch):
    text = rows("{i},{q}")
    for limit, most, says in (
        ("MOST_BYTES", len(text), "larger than 10 MB"),
        ("MOST", 12, "give at most 11"),
    ):
        monkeypatch.setattr(table, limit, most)
        assert len(read_csv(text)) == len(read_csv(text.encode())) == 12
        monkeypatch.setattr(table, limit, most - 1)
        with pytest.raises(Refused, match=says):
            read_csv(text)
        monkeypatch.undo()


@pytest.mark.parametrize(("far", "edge"), [(0.0, 3.0), (6.0, None), (1e6, 8.0)])
def test_the_frame_of_a_table_holds_its_points_but_no_outlier_makes_it_wide(far, edge, tmp_path):
    x = np.stack([np.linspace(-1, 1, 100), np.linspace(1, 2, 100) ** 2], 1)
    boxes = []
    for sign in (1, -1):
        for column in (0, 1):
            one = x.copy()
            one[5, column] += far
            data = load(keep_points(sign * one, "csv", tmp_path), tmp_path)
            boxes.append(data.box)
            reached = max(data.x.abs().max().item(), data.test_x.abs().max().item())
            assert data.box[1] == pytest.approx(edge or 1.1 * reached)
            assert data.box == (-data.box[1], data.box[1], -data.box[1], data.box[1])
    assert boxes[:2] == boxes[2:]


written = st.tuples(
    st.lists(st.tuples(*[st.floats(-1e9, 1e9, allow_subnormal=False)] * 2), min_size=10, max_size=14),
    st.sampled_from(";\t,| "),
    st.sampled_from([".", ","]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["", "x{m}y", "größe{m}'2 m'", "# a comment", "{q}a b{q}{m}{q}c{q}"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"]),
    st.booleans(),
    st.booleans(),
)


@settings(
    max_examples=100, derandomize=True, deadline=None, database=None, suppress_health_check=[*HealthCheck]
)
@given(written)
@example(([(0.0, 1.0)] * 10, ",", ",", "\r", "x{m}y", "utf-16", False, True))
def test_what_a_program_has_written_is_read_again(table):
    points, mark, point, end, header, encoding, ended, spaced = table
    quote = '"' if mark == point else ""
    points = [(0.5, -0.25), (2.5, 0.125), *points]  # which show the decimal mark
    header = header.replace("'2 m'", "m") if mark == " " else header  # two names in a row of two numbers
    lines = [header.format(m=mark, q='"')] * bool(header)
    lines += [mark.join(quote + repr(v).replace(".", point) + quote for v in pair) for pair in points]
    if ended and mark != " ":
        lines = [line + mark for line in lines]
    text = (end + end * spaced).join(lines) + end
    assert np.array_equal(read_csv(text.encode(encoding)), points)


@settings(
    max_examples=100, derandomize=True, deadline=None, database=None, suppress_health_check=[*HealthCheck]
)
@given(st.one_of(st.binary(max_size=80), st.text("0123456789.,;\t\r\n \"'-eE+xn#|\0", max_size=80)))
@example("sep=")
@example('"sep=;"')
@example(b"\xff\xfe\x00\x00")
def test_any_other_file_is_refused_in_a_sentence(source):
    with pytest.raises(Refused) as error:
        read_csv(source if isinstance(source, str) else source + b"\n")
    assert str(error.value).endswith(".")
    assert str(error.value).isprintable()
