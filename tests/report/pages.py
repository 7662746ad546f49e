"""What the tests of pages share: what a page shows and loads, and a page in a browser."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

EVIL = "<script>alert(1)</script> & $x_1$ {{ 7*7 }}"


class Cells(HTMLParser):
    """Collects the elements that say which number they show, with their texts, and all attributes that load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []
        self.loads: list[str] = []
        self._open: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.loads += [
            f"{tag} {name}={value}"
            for name, value in attrs
            if name in ("src", "href") and not str(value).startswith(("#", "data:"))
        ]
        self._open = (given["data-key"] or "", given["data-value"] or "") if "data-key" in given else None

    def handle_data(self, data: str) -> None:
        if self._open is not None and data.strip():
            self.found.append((*self._open, data.strip()))
            self._open = None


def read(page: str) -> Cells:
    cells = Cells()
    cells.feed(page)
    return cells


def opened(browser: Any, text: str, folder: Path, width: int, scheme: str = "light") -> tuple[Any, list[str]]:
    """Return a page in a window of a width, and all that went wrong on it."""
    path = folder / "page.html"
    path.write_text(text, encoding="utf-8")
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    wrong: list[str] = []
    tab.on("console", lambda message: wrong.append(message.text))
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("dialog", lambda dialog: (wrong.append("a dialog"), dialog.dismiss()))
    tab.on(
        "request",
        lambda request: wrong.append(request.url) if request.url.startswith(("http", "ws")) else None,
    )
    tab.goto(path.as_uri())
    tab.wait_for_selector("html[data-ready=yes]", state="attached", timeout=60_000)
    return tab, wrong
