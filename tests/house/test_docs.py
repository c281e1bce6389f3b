"""The documents say what the code does, where a test can tell."""

import re
from pathlib import Path

import pytest
from rawinlay.bitstream.stream.container import PREAMBLE
from rawinlay.bitstream.stream.fields import markdown_table
from rawinlay.bitstream.stream.header import FIELDS
from rawinlay.codec.recipe.corrections import _SUMS, LEAST_SIDE, MOST_BLOCKS, MOST_SIDE, TERMS
from rawinlay.codec.recipe.features import COUNT, names
from rawinlay.codec.recipe.side import ACTIVITIES
from rawinlay.codec.stages.order import context_count, near_count
from rawinlay.codec.stages.parameters import WEIGHTS
from rawinlay.codec.stages.quantiser import CODES
from rawinlay.entropy.tables import ALPHABET, CLASSES, KINDS, REACH, SCALE_BINS, SPLIT_CLASS

ROOT = Path(__file__).parents[2]
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
MANUAL = (ROOT / "docs" / "bitstream.md").read_text()


def test_the_manual_has_the_header():
    """After a change of the header, its table is `markdown_table(FIELDS)`."""
    assert markdown_table(FIELDS) in MANUAL
    assert markdown_table(PREAMBLE) in MANUAL


def test_the_manual_has_every_feature():
    """The rows' numbers follow one another, and name what the code has there."""
    section = MANUAL[MANUAL.index("### 5.5") : MANUAL.index("### 5.6")]
    following = 0
    for numbers, text in re.findall(r"^\| (\d[^|]*) \| (.*) \|$", section, re.MULTILINE):
        ends = [int(n) for n in re.findall(r"\d+", numbers)]
        assert ends[0] == following
        following = ends[-1] + 1
        here = names()[ends[0] : following]
        for name in re.findall(r"`([^`]+)`", text):
            assert any(n == name or re.split(r"[\[\d]", n)[0] == name for n in here), name
    assert following == COUNT and f"maps {COUNT} features" in MANUAL


@pytest.mark.parametrize(
    "sentence",
    [
        f"uint16 ({KINDS}, {SPLIT_CLASS}, {ALPHABET})",
        f"uint8 ({SCALE_BINS})",
        f"int8 ({CLASSES}, {2 * REACH + 1})",
        f"the class, 0 to {CLASSES - 1}",
        f"codes 0 to {len(WEIGHTS) - 1}",
        f"A class c below {SPLIT_CLASS} uses row c",
        f"There are {len(TERMS)} terms",
        f"of 5.1), at most 2^{MOST_BLOCKS.bit_length() - 1}",
        f"blocks' side in cells, {LEAST_SIDE} to {MOST_SIDE}",
        *(f"| {states} | {1 << states} | {h0} | {h1} |" for states, (h0, h1) in CODES.items()),
    ],
)
def test_the_manual_has_the_numbers(sentence):
    assert sentence in " ".join(MANUAL.split())


def test_the_manual_has_every_term():
    """Rows in the terms' order, those of several features with their sums."""
    section = MANUAL[MANUAL.index("**Local recipe.**") : MANUAL.index("### 5.6")]
    found = {}
    for named, text in re.findall(r"^\| (`.*?`) \| (.*) \|$", section, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", named):
            found[name] = re.findall(r"([+-]?) ?`lin`(\d) \((-?\d), (-?\d)\)", text)
    assert tuple(found) == TERMS
    for name, parts in found.items():
        if parts:
            wanted = [re.fullmatch(r"(-?)lin(\d)\[(-?\d),(-?\d)\]", part).groups() for part in _SUMS[name].split()]
            assert [(sign.replace("+", ""), *where) for sign, *where in parts] == wanted


def test_the_second_decoder_counts_alike():
    import manual

    for basis in (0, 1):
        for n in range(4):
            for t in range(4):
                assert manual.counts(n, t, basis) == (near_count(n, t, basis), context_count(n, t, basis, ACTIVITIES))


@pytest.mark.parametrize("document", DOCS, ids=lambda p: p.name)
def test_files_that_are_named_exist(document):
    """`codec/recipe/recipe.py`, or `recipe.py` where only one has that name or the folder is clear; and links."""
    text = document.read_text()
    every = [p.relative_to(ROOT).as_posix() for p in ROOT.rglob("*") if p.suffix in (".py", ".md", ".npz")]
    for name in re.findall(r"`((?:\w+/)*\w+\.(?:py|md|npz))`", text):
        assert any(f == name or f.endswith("/" + name) for f in every), name
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (document.parent / link).exists(), link
