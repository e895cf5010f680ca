"""A class: the words that let people in, and the names of its students.

Its one file, `class.json` in the home, is for the server's user alone. It is kept so that a server that
starts again knows everybody. Nothing of it is written into a run.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from engine.config import Refused
from lab.runs import files, store
from lab.visitor import mark

COOKIE = "genlab-class"
STUDENT, TEACHER = "student", "teacher"
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none looks like another
LONGEST_NAME, MOST_NAMES = 40, 1000
FILE = "class.json"


class Kept(BaseModel):
    """What the file holds."""

    name: str = Field(min_length=1, max_length=80)
    word: str = Field(min_length=8, max_length=80)  # lets students in
    teacher: str = Field(min_length=24, max_length=80)  # lets the teacher in
    secret: str = Field(min_length=32, max_length=80)  # signs the cookies of all who are in
    names: dict[str, str] = {}  # of students, by their marks


class Classroom:
    def __init__(self, at: Path, kept: Kept) -> None:
        self.at, self.kept = at, kept
        self._lock = threading.Lock()

    def role(self, word: str) -> str:
        """Whom this word lets in: student, teacher or nobody (""). Comparing takes the same time for all."""
        student = hmac.compare_digest(_typed(word), _typed(self.kept.word))
        teacher = hmac.compare_digest(word.encode(errors="replace"), self.kept.teacher.encode())
        return TEACHER if teacher else STUDENT if student else ""

    def ticket(self, role: str, who: str) -> str:
        """The cookie that lets the visitor with this mark in again."""
        signed = hmac.new(self.kept.secret.encode(), f"{role} {who}".encode(), hashlib.sha256)
        return f"{role}.{signed.hexdigest()}"

    def holder(self, cookies: Mapping[str, str]) -> str:
        """Who comes with these cookies: a student, the teacher, or nobody ("")."""
        given, who = cookies.get(COOKIE, ""), mark(cookies)
        role = given.partition(".")[0]
        if not who or role not in (STUDENT, TEACHER):
            return ""
        true = self.ticket(role, who).encode()
        return role if hmac.compare_digest(given.encode(errors="replace"), true) else ""

    def name_of(self, who: str) -> str:
        """The name of the student with this mark; "" if nobody knows it."""
        return self.kept.names.get(who, "")

    def call(self, who: str, name: str) -> None:
        """Give the student with this mark a name. Raises `Refused`."""
        name = clean(name)
        with self._lock:
            others = {_alike(other) for mark, other in self.kept.names.items() if mark != who}
            if _alike(name) in others:
                raise Refused(f"Somebody in this class is called {name} already: add a letter to your name.")
            names = {mark: other for mark, other in self.kept.names.items() if mark != who} | {who: name}
            newest = dict(list(names.items())[-MOST_NAMES:])
            self._keep(self.kept.model_copy(update={"names": newest}))

    def _keep(self, kept: Kept) -> None:
        text = json.dumps(kept.model_dump(), indent=1, ensure_ascii=False)
        try:
            files.write(self.at, text.encode(), mode=0o600)
        except OSError as error:
            raise Refused(
                f"{self.at} cannot be written: {error.strerror}. Allow that, or make room."
            ) from error
        self.kept = kept


def _typed(word: str) -> bytes:
    """A student's word, however it was typed."""
    return "".join(word.split()).replace("-", "").lower().encode(errors="replace")


def clean(name: str) -> str:
    """A student's name as it is kept. Raises `Refused`."""
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not name:
        raise Refused("Give your name, so that your teacher knows whose runs are yours.")
    if len(name) > LONGEST_NAME:
        raise Refused(f"That name is long: give at most {LONGEST_NAME} letters.")
    if not name.isprintable():  # what turns the direction of writing around is not
        raise Refused("That name has signs that cannot be shown: leave them out.")
    return name


def _alike(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def hold(name: str = "") -> Classroom:
    """The class of this name in the home, as it was left, or a new one: another name is another class, with
    other words, and forgets the one before. Without a name, the class that is there. Raises `Refused`."""
    at = store.home() / FILE
    kept = _read(at)
    name = " ".join(name.split()) or (kept.name if kept else "")
    if not name:
        raise Refused('Name the class: genlab class --name "Deep generative models".')
    if len(name) > 80 or not name.isprintable():
        raise Refused("--name must have at most 80 letters, all of which can be shown.")
    if kept is None or kept.name != name:
        word = "".join(secrets.choice(LETTERS) for _ in range(8))
        kept = Kept(
            name=name, word=f"{word[:4]}-{word[4:]}",
            teacher=secrets.token_urlsafe(24), secret=secrets.token_urlsafe(32),
        )  # fmt: skip
    room = Classroom(at, kept)
    at.parent.mkdir(parents=True, exist_ok=True)
    room._keep(kept)  # also where others could read what was there
    return room


def _read(at: Path) -> Kept | None:
    if not at.exists():
        return None
    try:
        return Kept.model_validate_json(files.text(at))
    except (OSError, ValidationError) as error:
        raise Refused(f"{at} is no file of a class any more: remove it to begin anew.") from error


_here: Classroom | None = None


def present(room: Classroom | None) -> None:
    """Say which class this server is for, if it is for one."""
    global _here
    _here = room


def here() -> Classroom | None:
    """The class that this server is for."""
    return _here


def called(who: str) -> str:
    """The name of the visitor with this mark, where there is a class and it knows them; else ""."""
    room = here()
    return room.name_of(who) if room and who else ""


def teaches(cookies: Mapping[str, str]) -> bool:
    """Whether the teacher of this server's class comes with these cookies."""
    room = here()
    return bool(room) and room.holder(cookies) == TEACHER  # type: ignore[union-attr]
