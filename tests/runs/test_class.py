"""A class: who is let in and by what, names, and what a server that starts again knows."""

import json
import os
import re
import stat

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse

from engine.config import Refused
from lab import classroom, cli, server
from lab.classroom import COOKIE, FILE, MOST_NAMES, STUDENT, TEACHER, hold
from lab.door import Door, Name
from lab.entry import AGAIN, LONGEST_FORM, MOST_ADDRESSES, TRIES, Entry, network
from lab.gate import Gate
from lab.runs import store
from lab.visitor import mark
from tests.runs.test_gate import dial as dial_from

HERE = "http://localhost:8501"
PATHS = ["/", "/gan", "/runs", "/class", "/live/x", "/take/x/curves", "/reel/x", "/stage/1/core/base.css"]
PATHS += ["/media/x", "/_stcore/health", "/_stcore/host-config", "/_stcore/upload_file/x", "/component/x"]


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def room():
    return hold("Deep <i>models</i>")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def lab(room, clock):
    """A browser in front of the class."""
    return browser(Entry(room, clock))


def browser(entry: Entry, url: str = HERE, door: Door = Door(), **headers: str) -> TestClient:  # noqa: B008
    async def inside(request):
        return PlainTextResponse("inside")

    async def talk(ws):
        await ws.accept()
        await ws.send_text("inside")
        await ws.close()

    every = [
        WebSocketRoute("/{path:path}", talk),
        Route("/{path:path}", inside, methods=["GET", "POST", "PUT"]),
    ]
    app = Starlette(routes=every, middleware=[Middleware(Gate, door=door, admit=entry.admit)])
    given = {"accept": "text/html", "origin": url} | headers
    return TestClient(app, base_url=url, headers=given, follow_redirects=False)


def enter(lab: TestClient, word: str, name: str = "Ann", back: str = ""):
    return lab.post("/enter", data={"class": word, "name": name, "next": back})


def dial(lab: TestClient, path: str):
    return dial_from(lab, path, HERE)


def inside(lab: TestClient) -> bool:
    return lab.get("/gan").text == "inside"


# --- who is let in ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_nobody_reaches_a_route_without_the_word(lab, path):
    told = lab.get(path)
    assert told.status_code == 403
    assert "Word of the class" in told.text
    assert "set-cookie" not in told.headers
    for method in ("POST", "PUT", "HEAD"):
        assert lab.request(method, path).status_code == 403
    plain = lab.get(path, headers={"accept": "*/*"})
    assert (plain.status_code, plain.text.count("<")) == (403, 0)
    with pytest.raises(WebSocketDenialResponse) as refused, dial(lab, path):
        pass
    assert (refused.value.status_code, "Word of the class" in refused.value.text) == (403, True)


def test_the_page_that_asks_is_guarded_like_all_others_and_its_words_are_text(lab):
    told = lab.get('/gan?seed="><b>x')
    assert "<b>" not in told.text
    assert "<i>" not in told.text
    assert "Deep &lt;i&gt;models" in told.text
    assert "form-action 'self'" in told.headers["content-security-policy"]
    assert told.headers["x-content-type-options"] == "nosniff"
    assert told.headers["cache-control"] == "no-store"
    assert "<script" not in told.text


def test_only_health_and_metrics_pass_without_the_word(lab):
    assert [lab.get(path).text for path in ("/health", "/metrics")] == ["inside", "inside"]
    for path in ("/health/x", "/metrics/", "//health", "/Health"):
        assert lab.get(path).status_code == 403


def test_with_the_word_and_a_name_a_student_is_in_and_stays_in(lab, room):
    told = enter(lab, room.kept.word, "  Ann   Müller ", "gan?seed=2")
    assert (told.status_code, told.headers["location"]) == (303, "./gan?seed=2")
    assert inside(lab)
    who = mark(lab.cookies)
    assert room.name_of(who) == "Ann Müller"
    assert room.holder(lab.cookies) == STUDENT
    with dial(lab, "/live/x") as ws:
        assert ws.receive_text() == "inside"


def test_no_script_reads_the_cookies_and_https_keeps_them_to_https(room):
    def set_by(**more):
        return enter(browser(Entry(room), **more), room.kept.word, "Ann").headers.get_list("set-cookie")

    for cookie in (plain := set_by()):
        assert {"HttpOnly", "SameSite=lax"} <= {*cookie.split("; ")}
        assert "Path" not in cookie
    assert len(plain) == 2
    assert all("Secure" in one for one in enter_again(room))


def enter_again(room):
    door = Door(names=(Name("lab.example"),), proxy=True)
    proxied = {"x-forwarded-proto": "https", "x-forwarded-host": "lab.example"}
    lab = browser(Entry(room), "https://lab.example", door, **proxied)
    return enter(lab, room.kept.word, "Bob").headers.get_list("set-cookie")


@pytest.mark.parametrize("typed", ["{}", " {} ", "{}".replace("-", ""), "UPPER", "no hyphen"])
def test_a_word_is_known_however_it_is_typed(room, typed):
    word = room.kept.word
    word = {"UPPER": word.upper(), "no hyphen": word.replace("-", " ")}.get(typed, typed.format(word))
    assert room.role(word) == STUDENT


def test_other_words_let_nobody_in(lab, room):
    word, teacher = room.kept.word, room.kept.teacher
    for wrong in ("", "x", word[:-1], word + "x", teacher[:-1], teacher.swapcase(), "\udcff", "ä" * 99):
        assert room.role(wrong) == ""
    told = enter(lab, "wrong")
    assert (told.status_code, "not the word of this class" in told.text) == (403, True)
    assert "set-cookie" not in told.headers
    assert not inside(lab)


def test_the_address_may_hold_the_word_and_loses_it(lab, room):
    asked = lab.get(f"/gan?seed=2&class={room.kept.word}&k=1")
    assert asked.status_code == 403, "who is it?"
    assert f'value="{room.kept.word}"' in asked.text
    assert 'name="next" value="gan?seed=2&amp;k=1"' in asked.text
    enter(lab, room.kept.word)
    told = lab.get(f"/gan?seed=2&class={room.kept.word}&k=1")
    assert (told.status_code, told.headers["location"]) == (303, "./gan?seed=2&k=1")
    told = lab.get("/gan?class=mistyped")
    assert (told.status_code, told.headers["location"]) == (303, "./gan"), "who is in is not sent away"
    wrong = browser(Entry(room)).get("/gan?class=mistyped")
    assert (wrong.status_code, "not the word" in wrong.text) == (403, True)


def test_a_student_whose_name_is_forgotten_is_asked_again(lab, room):
    enter(lab, room.kept.word)
    room.kept.names.clear()
    assert inside(lab)
    assert lab.get(f"/gan?class={room.kept.word}").status_code == 403
    enter(lab, room.kept.word, "Ann")
    assert room.name_of(mark(lab.cookies)) == "Ann"


def test_who_is_known_needs_only_the_word(lab, room):
    enter(lab, room.kept.word)
    lab.cookies.delete(COOKIE)
    assert not inside(lab)
    assert lab.get(f"/gan?class={room.kept.word}").status_code == 303
    assert inside(lab)


def test_the_teachers_word_makes_a_teacher_who_stays_one(lab, room):
    told = lab.get(f"/class?class={room.kept.teacher}")
    assert (told.status_code, told.headers["location"]) == (303, "./class")
    assert room.holder(lab.cookies) == TEACHER
    assert room.kept.names == {}
    for word in (room.kept.word, "wrong"):
        told = lab.get(f"/gan?class={word}")
        assert (told.status_code, told.headers["location"]) == (303, "./gan")
        assert room.holder(lab.cookies) == TEACHER
    other = browser(Entry(room))
    enter(other, room.kept.word)
    other.get(f"/class?class={room.kept.teacher}")
    assert room.holder(other.cookies) == TEACHER, "also who came in as a student"
    other = browser(Entry(room))
    enter(other, room.kept.teacher, "")
    assert room.holder(other.cookies) == TEACHER


@pytest.mark.parametrize(
    "back", ["//evil.example", "/evil", "https://evil.example", "a/../../b", "\\evil", "x\r\nb: c"]
)
def test_the_form_leads_nowhere_else(lab, room, back):
    assert enter(lab, room.kept.word, "Ann", back).headers["location"] == "./"


def test_the_form_is_found_behind_a_path_and_from_deep_addresses(room):
    lab = browser(Entry(room), door=Door(base="/genlab"))
    assert 'action="enter"' in lab.get("/genlab/gan").text
    assert 'action="../../enter"' in lab.get("/genlab/a/b/c").text
    assert lab.post("/genlab/enter", data={"class": room.kept.word, "name": "Ann"}).status_code == 303
    assert lab.get("/genlab/gan").text == "inside"


def test_a_page_of_a_stranger_cannot_send_the_form(lab, room):
    told = lab.post(
        "/enter", data={"class": room.kept.word, "name": "x"}, headers={"origin": "http://evil.example"}
    )
    assert told.status_code == 403
    assert room.kept.names == {}


@pytest.mark.parametrize("body", [b"", b"\xff\xfe=&&&=", b"class", b"class=" + b"x" * 10 * LONGEST_FORM])
def test_an_odd_form_is_a_wrong_word(lab, body):
    assert lab.post("/enter", content=body).status_code == 403


def test_a_form_of_any_length_costs_little_memory(room):
    long = b"x" * (LONGEST_FORM + 1) + f"&class={room.kept.word}&name=Ann".encode()
    assert browser(Entry(room)).post("/enter", content=long).status_code == 403


# --- forged cookies --------------------------------------------------------------------------------


def test_forged_cookies_let_nobody_in(lab, room):
    enter(lab, room.kept.word)
    key, true = lab.cookies["genlab"], lab.cookies[COOKIE]
    role, _, signed = true.partition(".")
    forged = [
        {}, {"genlab": key}, {COOKIE: true}, {"genlab": key + "x", COOKIE: true},
        {"genlab": key, COOKIE: f"{TEACHER}.{signed}"}, {"genlab": key, COOKIE: f".{signed}"},
        {"genlab": key, COOKIE: f"{role}."}, {"genlab": key, COOKIE: true[:-1]},
        {"genlab": key, COOKIE: "teacher"}, {"genlab": key, COOKIE: "student.\udcff"},
        {"genlab": "", COOKIE: room.ticket(STUDENT, "")},
        {"genlab": key, COOKIE: room.ticket("head", mark({"genlab": key}))},
    ]  # fmt: skip
    assert [room.holder(cookies) for cookies in forged] == [""] * len(forged)
    assert room.holder({"genlab": key, COOKIE: true}) == STUDENT


# --- guessing --------------------------------------------------------------------------------------


def test_guessing_is_slow_for_each_address_and_the_right_word_waits_too(room, clock):
    entry = Entry(room, clock)
    lab = browser(entry)
    for _ in range(TRIES):
        assert "not the word" in enter(lab, "wrong").text
    told = enter(lab, room.kept.word)
    assert (told.status_code, "Too many wrong words" in told.text) == (403, True)
    assert "Too many" in lab.get("/?class=wrong").text
    clock.now += AGAIN
    assert "not the word" in enter(lab, "wrong").text
    assert "Too many" in enter(lab, room.kept.word).text
    clock.now += AGAIN
    assert enter(lab, room.kept.word).status_code == 303
    assert inside(lab)


def test_who_is_in_is_not_slowed_by_guesses_of_others(lab, room):
    enter(lab, room.kept.word)
    for _ in range(TRIES + 1):
        lab.get("/?class=wrong")
    assert inside(lab)


def test_right_words_cost_no_tries(room, clock):
    lab = browser(Entry(room, clock))
    for number in range(2 * TRIES):
        assert enter(lab, room.kept.word, f"Ann {number}").status_code == 303


def test_addresses_are_counted_apart_and_not_for_ever(room, clock):
    entry = Entry(room, clock)
    door = Door(proxy=True)

    def guess(address):
        return browser(entry, door=door, **{"x-forwarded-for": address})

    for _ in range(TRIES):
        enter(guess("192.0.2.1"), "wrong")
    assert "Too many" in enter(guess("192.0.2.1"), "wrong").text
    assert "not the word" in enter(guess("192.0.2.2"), "wrong").text
    for number in range(MOST_ADDRESSES):
        entry.tries[f"10.{number}"] = (0.0, clock.now)
    enter(guess("192.0.2.3"), "wrong")
    assert len(entry.tries) == MOST_ADDRESSES
    assert "192.0.2.1" not in entry.tries
    clock.now += 1e6
    for _ in range(TRIES):
        assert "not the word" in enter(guess("192.0.2.3"), "wrong").text
    assert "Too many" in enter(guess("192.0.2.3"), "wrong").text, "no more than at first, after any time"


def test_a_network_of_ipv6_is_one_address():
    assert network("2001:db8:1:2:3:4:5:6") == network("2001:db8:1:2:ffff::1") != network("2001:db8:1:3::1")
    assert network("192.0.2.1") != network("192.0.2.2")


# --- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "  \n ", "x" * 41, "a\u202eb", "a\x00b", "a\u200bb"])
def test_an_odd_name_is_refused_with_what_to_change(lab, room, name):
    told = enter(lab, room.kept.word, name)
    assert told.status_code == 403
    assert re.search("Give your name|at most 40 letters|leave them out", told.text)
    assert not inside(lab)


def test_html_in_a_name_is_inert(lab, room):
    assert enter(lab, room.kept.word, "<script>x</script>").status_code == 303
    told = enter(browser(Entry(room)), room.kept.word, '"><script>x</script>' + "y" * 50)
    assert "<script" not in told.text
    assert "&quot;&gt;&lt;script&gt;" in told.text


def test_two_students_have_two_names_and_one_may_change_theirs(lab, room):
    enter(lab, room.kept.word, "Ann")
    other = browser(Entry(room))
    for like in ("Ann", "ANN", "Ａnn"):
        told = enter(other, room.kept.word, like)
        assert (told.status_code, "add a letter" in told.text) == (403, True)
    assert enter(other, room.kept.word, "Ann B").status_code == 303
    assert enter(lab, room.kept.word, "Ann A").status_code == 303
    assert enter(other, room.kept.word, "Ann").status_code == 303
    assert sorted(room.kept.names.values()) == ["Ann", "Ann A"]


def test_the_newest_names_are_kept(room):
    names = {f"{n}": f"name {n}" for n in range(MOST_NAMES)}
    room.kept = room.kept.model_copy(update={"names": names})
    room.call("new", "New")
    assert (len(room.kept.names), room.name_of("0"), room.name_of("1")) == (MOST_NAMES, "", "name 1")
    assert room.name_of("new") == "New"
    room.call("1", "name one")
    assert [*room.kept.names][-1] == "1", "who came last is the newest, also for the second time"


# --- what is kept ----------------------------------------------------------------------------------


def test_a_server_that_starts_again_knows_everybody(lab, room):
    enter(lab, room.kept.word)
    again = hold("Deep <i>models</i>")
    assert again.kept == room.kept == hold("").kept
    assert again.holder(lab.cookies) == STUDENT
    assert again.name_of(mark(lab.cookies)) == "Ann"


def test_another_class_has_other_words_and_forgets_the_one_before(lab, room):
    enter(lab, room.kept.word)
    other = hold("Another")
    assert {other.kept.word, other.kept.teacher, other.kept.secret}.isdisjoint(
        {room.kept.word, room.kept.teacher, room.kept.secret}
    )
    assert other.kept.names == {}
    assert other.holder(lab.cookies) == ""


def test_the_file_of_a_class_is_for_the_servers_user_alone_and_no_run_has_anything_of_it(
    lab, room, monkeypatch
):
    before = os.umask(0)
    try:
        enter(lab, room.kept.word)
        room.at.chmod(0o644)
        hold("")
    finally:
        os.umask(before)
    assert stat.S_IMODE(room.at.stat().st_mode) == 0o600
    assert [file.name for file in room.at.parent.iterdir()] == [FILE]
    at = store.create({"family": "gan", "data": "ring", "seed": 0, "config": {}, "owner": mark(lab.cookies)})
    text = (at / "run.json").read_text()
    for secret in (*room.kept.model_dump(exclude={"names", "name"}).values(), lab.cookies["genlab"], "Ann"):
        assert secret not in text


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"name": "x"}', json.dumps({"name": "x", "word": "", "teacher": "", "secret": ""})],
)
def test_a_damaged_file_is_refused_and_stays(text):
    at = store.home() / FILE
    at.parent.mkdir(parents=True)
    at.write_text(text)
    with pytest.raises(Refused, match="remove it to begin anew"):
        hold("x")
    assert at.read_text() == text


def test_a_class_has_a_name(capsys):
    with pytest.raises(Refused, match="genlab class --name"):
        hold(" ")
    for odd in ("x" * 81, "a\x07"):
        with pytest.raises(Refused, match="at most 80 letters"):
            hold(odd)
    assert cli.main(["class", "--port", "8999", "--host", "127.0.0.1"]) == 2
    assert "Name the class" in capsys.readouterr().err


def test_a_home_that_cannot_be_written_is_told(room, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(classroom.files, "write", full)
    with pytest.raises(Refused, match="No space left"):
        room.call("x", "Ann")
    assert room.kept.names == {}


def test_words_are_long_and_easy_to_type(room):
    letters = room.kept.word.replace("-", "")
    assert len(letters) == 8
    assert {*letters} <= {*classroom.LETTERS}
    assert not {*classroom.LETTERS} & {*"01ilo"}
    assert len(room.kept.teacher) >= 32
    assert len({hold(f"class {n}").kept.word for n in range(20)}) == 20


# --- the command -----------------------------------------------------------------------------------


def opened_with(monkeypatch, capsys, *words):
    """The door and the class that the command opens, and what it prints."""
    given = []
    monkeypatch.setattr(server, "serve", lambda *them: given.extend(them))
    monkeypatch.setattr(
        cli, "opened", lambda *them: Door(*them[:3], tuple(map(Name, them[3])), them[4], them[5])
    )
    assert cli.main([*words]) == 0
    return *given, capsys.readouterr().out


def test_the_command_prints_what_students_and_the_teacher_open(monkeypatch, capsys):
    door, room, told = opened_with(monkeypatch, capsys, "class", "--name", "X")
    assert (door.host, door.port) == ("0.0.0.0", 8501)
    assert f":8501/?class={room.kept.word}" in told
    assert f":8501/class?class={room.kept.teacher}" in told
    assert "localhost" not in told
    door, room, told = opened_with(
        monkeypatch, capsys, "--port", "80", "class", "--host", "127.0.0.1", "--allow-host", "lab.example",
        "--base-path", "/g",
    )  # fmt: skip
    assert (door.host, door.port, room.kept.name) == ("127.0.0.1", 80, "X")
    assert f"https://lab.example/g/?class={room.kept.word}\n" in told


def test_a_plain_lab_has_no_class_and_asks_for_nothing(monkeypatch, capsys):
    door, told = opened_with(monkeypatch, capsys)
    assert (door.host, "class" in told) == ("127.0.0.1", False)
    assert not (store.home() / FILE).exists()


def test_where_a_lab_is_found(monkeypatch):
    monkeypatch.setattr("lab.door.socket.gethostname", lambda: "Lab-PC.")
    monkeypatch.setattr("lab.door._own_addresses", lambda: ["192.0.2.7"])
    assert Door("0.0.0.0", 80).urls == ["http://lab-pc:80", "http://192.0.2.7:80"]
    assert Door("192.0.2.9", 81, "/g").urls == ["http://192.0.2.9:81/g"]
    assert Door("::1", 81).urls == ["http://[::1]:81"]
    assert Door(names=(Name("lab.example", 8443), Name("::2"))).urls == [
        "https://lab.example:8443",
        "https://[::2]",
    ]
