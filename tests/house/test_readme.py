"""The promises of README and its pages: commands run, Python runs, links lead somewhere, codes are the code's."""

import re
import textwrap
from pathlib import Path

import pytest
import rawinlay
from rawinlay.bitstream import errors
from rawinlay.codec.cli.main import EXIT_CODES, main
from shots import write_pair

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
COMMANDS = (REPOSITORY / "docs" / "commands.md").read_text(encoding="utf-8")


@pytest.fixture
def shots_folder(tmp_path, monkeypatch):
    """A folder with the files that the examples name; LibRaw goes by contents, not by names."""
    write_pair(tmp_path, raw="IMG_1.NEF", jpeg="IMG_1.JPG")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README + COMMANDS, re.DOTALL)


def test_the_examples_of_the_command_line_run_in_order(shots_folder, capsys):
    lines = [line.split() for block in blocks("sh") for line in block.splitlines()]
    commands = ["encode", "decode", "develop", "info", "compare", "strip", "encode", "trim"]
    assert [words[1] for words in lines] == commands
    for words in lines:
        assert main(words[1:]) == 0, capsys.readouterr().err
    assert (shots_folder / "IMG_1-plain.jpg").read_bytes() == (shots_folder / "IMG_1.JPG").read_bytes()


def test_the_python_example_runs(shots_folder, capsys):
    (example,) = blocks("python")
    exec(compile(example, "README.md", "exec"), {})
    assert capsys.readouterr().out.endswith("True\n")
    assert (shots_folder / "decoded.dng").stat().st_size > 10_000


def test_the_package_s_own_example_runs(shots_folder):
    """And so would any other in a page: those in Python stand in README and here."""
    example = textwrap.dedent("".join(re.findall(r"^(?:    .*)?\n", rawinlay.__doc__, re.MULTILINE)))
    exec(compile(example, "rawinlay", "exec"), {})
    assert (shots_folder / "IMG_1-raw.jpg").exists() and (shots_folder / "IMG_1.dng").stat().st_size > 10_000
    pages = [page for page in (REPOSITORY / "docs").glob("*.md") if "```python" in page.read_text(encoding="utf-8")]
    assert not pages, "a page has an example that no test runs"


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{p.name}" for p in (REPOSITORY / "docs").glob("*.md"))])
def test_links_lead_to_files(page):
    path = REPOSITORY / page
    links = re.findall(r"\]\((?!http)([^)#]+)", path.read_text(encoding="utf-8"))
    assert all((path.parent / link).is_file() for link in links), page


def test_the_test_command_is_what_ci_runs():
    assert "\n    tests/run\n" in README and "tests/run" in (REPOSITORY / ".ci" / "run").read_text()


def test_exit_codes_are_those_of_the_errors():
    codes = {error.exit_code for error in vars(errors).values() if isinstance(error, type)}
    table = {int(code) for code in re.findall(r"^\| (\d+) \|", COMMANDS, re.MULTILINE)}
    helped = {int(code) for code in re.findall(r"^  (\d)    ", EXIT_CODES, re.MULTILINE)}
    assert codes | {0} == table == helped
