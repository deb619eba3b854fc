"""Reads a page as a browser would, and as a person would."""

from html.parser import HTMLParser
from typing import Any


class Reader(HTMLParser):
    """Collects words, links and whatever asks for something elsewhere."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.asks: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)
        for name, value in attrs:
            if name == "href" and tag == "a":
                self.links.append(value)
            elif name in ("src", "href") or tag == "script":
                self.asks.append(f"{tag} {name}={value}")

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> in {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def words_of(page: str) -> str:
    return " ".join(" ".join(Reader(page).words).split())
