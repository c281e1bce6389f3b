"""What --json prints is what `rawinlay schema` says, of every command that has it; completion and the manual page."""

import contextlib
import io
import json
import shutil
import subprocess

import pytest
from rawinlay.codec.archive import batch as batching
from rawinlay.codec.cli.arguments import Parser
from rawinlay.codec.cli.distribution import commands
from rawinlay.codec.cli.main import main
from rawinlay.codec.cli.shell import schema_names, whole_parser
from shots import write_pair


class Here:
    """Tasks one after another in this process."""

    def __init__(self, jobs, threads, memory, work):
        self.work = work

    def run(self, tasks):
        return map(self.work, tasks)


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What each command prints, by the name of its schema."""
    here = tmp_path_factory.mktemp("schemas")
    raw, jpeg = write_pair(here)
    (here / "photos").mkdir()
    for path in (raw, jpeg):
        shutil.copy(path, here / "photos" / path.name)
    out, report = here / "out", here / "report.jsonl"
    bad = here / "bad.jpg"
    lines = [
        ("encode", f"encode {raw} {jpeg} -o {here}/a.jpg --quality 30 --effort 1 --trimmable --profile"),
        ("decode", f"decode {here}/a.jpg -o {here}/a.dng"),
        ("develop", f"develop {here}/a.jpg -o {here}/d.jpg --exposure 1"), ("look", "look list"),
        ("info", f"info {here}/a.jpg"), ("info", f"info {jpeg}"), ("verify", f"verify {here}/a.jpg {bad} {jpeg}"),
        ("compare", f"compare {raw} {here}/a.dng"), ("compare", f"compare --metadata {raw} {here}/a.dng"),
        ("strip", f"strip {here}/a.jpg -o {here}/s.jpg"), ("trim", f"trim {here}/a.jpg --bpp 1 -o {here}/t.jpg"),
        ("batch", f"batch {here}/photos -o {out} --dry-run"),
        ("batch", f"batch {here}/photos -o {out} --quality 30 --effort 1 --report {report}"),
    ]  # fmt: skip
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "Workers", Here)
        for name, words in lines:
            if name == "verify":
                data = bytearray((here / "a.jpg").read_bytes())
                data[data.index(b"bidbRWIN") + 900] ^= 1
                bad.write_bytes(data)
            stream = io.StringIO()
            with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(io.StringIO()) as err:
                code = main([*words.split(), "--json"])
            assert code == (5 if name == "verify" else 0), (words, err.getvalue())
            found.append((name, json.loads(stream.getvalue())))
    found += [("batch-report", json.loads(line)) for line in report.read_text().splitlines()]
    return found


def known_keys(schema):
    """All keys that a schema knows at its top."""
    return set(schema.get("properties", ())) | {key for one in schema.get("anyOf", ()) for key in known_keys(one)}


def test_what_is_printed(printed, capsys):
    validator = pytest.importorskip("jsonschema", reason="jsonschema judges").Draft202012Validator
    for name, result in printed:
        assert main(["schema", name]) == 0
        schema = json.loads(capsys.readouterr().out)
        validator.check_schema(schema)
        validator(schema).validate(result)
        unknown = set(result) - known_keys(schema) - {"raw_is", "jpeg_is", "output_is"}
        assert not unknown, f"{name} prints what its schema does not know: {unknown}"


def test_every_command_has_a_schema():
    """But for those that print no JSON, and those with commands of their own."""
    parser = Parser(prog="rawinlay")
    subparsers = parser.add_subparsers(parser_class=Parser)
    for add in commands().values():
        add(subparsers)
    wanted = {name for name, below in subparsers.choices.items() if "--json" in below._option_string_actions}
    assert wanted - {"mount", "view", "bench"} <= set(schema_names())


def test_schemas_are_named(capsys):
    assert main(["schema"]) == 0 and capsys.readouterr().out.split() == schema_names()
    assert main(["schema", "verfy"]) == 2 and "did you mean verify" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion(shell, capsys):
    pytest.importorskip("shtab", reason="the extra shell completes")
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "--lossless" in script and "verify" in script
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=script, text=True, capture_output=True).returncode == 0


def test_completion_completes():
    """bash itself, asked what follows `rawinlay ver` and `rawinlay encode --los`."""
    shtab = pytest.importorskip("shtab", reason="the extra shell completes")
    if not shutil.which("bash"):
        pytest.skip("bash is not here")
    script = shtab.complete(whole_parser(), "bash")
    for words, wanted in ((["rawinlay", "ver"], "verify"), (["rawinlay", "encode", "--los"], "--lossless")):
        ask = (f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; "
               f"_shtab_rawinlay {words[0]} {words[-1]} {words[-2]}; echo ${{COMPREPLY[@]}}")  # fmt: skip
        done = subprocess.run(["bash"], input=f"{script}\n{ask}\n", text=True, capture_output=True)
        assert wanted in done.stdout.split(), done.stderr


def test_the_manual_page(capsys):
    pytest.importorskip("argparse_manpage", reason="the extra shell writes it")
    assert main(["man"]) == 0
    page = capsys.readouterr().out
    assert ".TH RAWINLAY" in page and all(f"rawinlay {name}" in page for name in ("encode", "batch", "mount"))
