"""`make lint`: fails where a text uses a banned word, and says which to use instead."""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.words.texts import Text, texts

ROOT: Final = Path(__file__).parents[2]
BANNED: Final = Path(__file__).with_name("banned.toml")


@dataclass(frozen=True)
class Ban:
    """A word or phrase that texts of the `kinds` must not have, and what to write `instead`."""

    pattern: re.Pattern[str]
    kinds: frozenset[str]
    instead: str


def bans(document: dict[str, Any]) -> list[Ban]:
    """The bans in banned.toml. A ban without `kinds` holds for all kinds. `begins` looks at the beginning alone."""
    every = frozenset(document["kinds"])
    made = []
    for each in document["ban"]:
        kinds = frozenset(each.get("kinds", every))
        if unknown := kinds - every:
            raise ValueError(f"{BANNED.name} has a kind that is not in its list: {', '.join(sorted(unknown))}")
        words = "|".join(re.escape(word) for word in each["words"])
        pattern = rf"^(?:{words})\b" if each.get("begins") else rf"\b(?:{words})\b"
        made.append(Ban(re.compile(pattern, re.IGNORECASE), kinds, each["instead"]))
    return made


def violations(read: Iterable[Text], banned: Iterable[Ban]) -> Iterator[str]:
    """A line for each banned word in `read`."""
    listed = list(banned)
    for text in read:
        for ban in listed:
            if text.kind in ban.kinds:
                for match in ban.pattern.finditer(text.content):
                    line = text.line + text.content.count("\n", 0, match.start())
                    yield f"{text.file}:{line}: “{match[0]}” in a {text.kind}: {ban.instead}"


def main(root: Path = ROOT) -> int:
    """0 where no text of the repository `root` has a banned word, else 1 after a line for each."""
    found = sorted(violations(texts(root), bans(tomllib.loads(BANNED.read_text()))))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
