"""Writes `model/common-words.txt`, words as people write them: `python -m training.common_words DATA`.

A word counts where enough posts of enough corpora have it, so that nobody's slip of the keyboard and
nobody's private name gets in. Only the words are kept, the most frequent first: no counts, no text.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

COMMON_WORDS_FILE: Final = Path(__file__).resolve().parents[1] / "model" / "common-words.txt"
LEAST_LETTERS: Final = 3
LEAST_POSTS: Final = 5
LEAST_CORPORA: Final = 3
FOLDERS: Final = ("train", "background")
"""What training may read. Evaluation sets stay closed here too."""

HEADER: Final = f"""\
# Words as people write them, the most frequent first. Written by `python -m training.common_words DATA`; not
# edited by hand. Source: the corpora of docs/data.md that may be trained on; a word stands here when at least
# {LEAST_POSTS} posts and {LEAST_CORPORA} corpora have it.
"""

_WORD = re.compile(rf"(?<![\w@#'’])[a-z]{{{LEAST_LETTERS},24}}(?![\w@]|['’]\w)", re.ASCII)


def common_words(corpora: Iterable[Iterable[str]]) -> list[str]:
    """The words that enough posts of enough corpora have, most frequent first."""
    posts: Counter[str] = Counter()
    found_in: Counter[str] = Counter()
    for texts in corpora:
        here: Counter[str] = Counter()
        for text in texts:
            here.update(set(_WORD.findall(text.lower())))
        posts.update(here)
        found_in.update(here.keys())
    kept = [word for word, count in posts.items() if count >= LEAST_POSTS and found_in[word] >= LEAST_CORPORA]
    return sorted(kept, key=lambda word: (-posts[word], word))


def read_corpora(data: Path) -> Iterable[list[str]]:
    """The texts of each corpus of a data folder that may be trained on."""
    for folder in FOLDERS:
        for path in sorted((data / folder).glob("*.parquet")):
            texts = pq.read_table(path, columns=["text"])["text"].to_pylist()
            yield [text for text in texts if text]


def main() -> None:
    """Writes the list anew from the data folder named on the command line."""
    lines = common_words(read_corpora(Path(sys.argv[1])))
    COMMON_WORDS_FILE.write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
