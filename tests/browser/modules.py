"""The stage's modules in a blank page, without a server and without a run."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Browser, Route

from lab.stage.files import FILES, address

ORIGIN = "http://stage.test"
_EXPORT = re.compile(r"^export (?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)
_TYPES = {"js": "text/javascript", "css": "text/css"}


def exports(module: str) -> list[str]:
    """What a module exports by name."""
    return _EXPORT.findall(FILES[module].decode())


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
