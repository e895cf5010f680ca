"""The stage's modules in a blank page, without a server and without a run."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Browser, Route

from lab.stage.files import FILES, address

ORIGIN = "http://stage.test"
_EXPORT = re.compile(r"^export (?:async )?(?:function\*?|class|const|let) (\w+)", re.MULTILINE)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_FIXED = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*")
KEYWORDS = {"if", "for", "while", "switch", "return", "catch", "function", "import", "super"}
_TYPES = {"js": "text/javascript", "css": "text/css"}


def exports(module: str) -> list[str]:
    """What a module exports by name."""
    return _EXPORT.findall(FILES[module].decode())


def code(text: str) -> str:
    """A script without its comments, its strings and the fixed parts of its templates."""
    out: list[str] = []
    i = depth = 0
    open_templates: list[int] = []  # at which depth of braces each goes on
    while i < len(text):
        c = text[i]
        if text.startswith("//", i):
            i = text.index("\n", i)
        elif text.startswith("/*", i):
            i = text.index("*/", i) + 2
        elif c == '"':
            i = _STRING.match(text, i).end()  # type: ignore[union-attr]
        elif c == "`" or (c == "}" and open_templates and open_templates[-1] == depth):
            if c == "}":
                open_templates.pop()
            end = _FIXED.match(text, i + 1).end()  # type: ignore[union-attr]
            if text[end] != "`":
                open_templates.append(depth)
            i = end + (1 if text[end] == "`" else 2)
            out.append(" ")
        else:
            depth += (c == "{") - (c == "}")
            out.append(c)
            i += 1
    return "".join(out)


def undeclared(module: str) -> set[str]:
    """What a module calls, makes or reads in capitals, and does not declare: a global or a slip."""
    text = code(FILES[module].decode())
    used = set(re.findall(r"(?<![.\w])([a-zA-Z]\w*)\(", text)) | set(re.findall(r"\bnew (\w+)", text))
    used |= set(re.findall(r"(?<![.\w])([A-Z][A-Z_]+)\b", text))
    declared = set(re.findall(r"\b(?:function\*?|class|const|let) (\w+)", text))
    declared |= set(re.findall(r"^ +(?:async |get )?(\w+)\([^;]*?\) \{", text, re.MULTILINE))  # methods
    declared |= set(re.findall(r"\b(\w+) =>", text))
    lists = re.findall(r"\(([^()]*)\) (?:=>|\{)", text) + re.findall(r"^import (.*) from", text, re.MULTILINE)
    lists += re.findall(r"\b(?:const|let) *([\[{][^;=]*?)(?= =| of)", text)
    return used - declared - {name for one in lists for name in re.findall(r"\w+", one)} - KEYWORDS


class Modules:
    """A blank page to which every file of the stage is served; `errors` is what went wrong in it."""

    def __init__(self, browser: Browser) -> None:
        self.page = browser.new_page(viewport={"width": 1000, "height": 700})
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.route("**/*", self._serve)
        self.page.goto(ORIGIN)

    def _serve(self, route: Route) -> None:
        path = route.request.url.removeprefix(ORIGIN + address(""))
        if path in FILES:
            route.fulfill(body=FILES[path], content_type=_TYPES[path.rpartition(".")[2]])
        elif route.request.url in (ORIGIN, ORIGIN + "/"):
            route.fulfill(body="<!DOCTYPE html><html lang=en><title>blank</title>", content_type="text/html")
        else:
            route.fulfill(status=404)

    def __call__(self, modules: str, body: str, *args: Any) -> Any:
        """Run a function's body beside all that these modules export; `args` is what it is given."""
        lines = []
        for module in modules.split():
            default = module.rpartition("/")[2].removesuffix(".js").title().replace("_", "")
            names = [
                *exports(module),
                *([f"default: {default}"] if b"export default" in FILES[module] else []),
            ]
            lines.append(f"const {{ {', '.join(names)} }} = await import({ORIGIN + address(module)!r});")
        return self.page.evaluate(f"async (args) => {{ {' '.join(lines)}\n{body} }}", list(args))

    def close(self) -> None:
        self.page.close()
        assert self.errors == []
