"""docs/desktop: what other programs start, as far as these run here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import photographs
import pytest
from raws import slow

DESKTOP = Path(__file__).parents[2] / "docs" / "desktop"

PROGRAM = """#!/bin/sh
# encode nothing: note the words, write the output
echo "$@" >> "$LOG"
while [ $# -gt 0 ]; do [ "$1" = -o ] && echo dng > "$2"; case "$1" in *bad*) echo "rawinlay: bad.jpg: no" >&2; exit 4;; esac; shift; done
"""  # noqa: E501

LUA = """
local imported = {}
package.loaded.darktable = {
  configuration = {has_gui = arg[3] == "gui"}, register_event = function() end,
  gui = {libs = {image = {register_action = function() end}}},
  preferences = {read = function() return "" end, register = function() end},
  database = {import = function(path) imported[#imported + 1] = path; return {group_with = function() end} end},
}
local m = dofile(arg[1])
assert(m.dng_of("/a.b/c d.x.JPG") == "/a.b/c d.x.dng")
local done, wrong = m.run({
  {path = arg[2], filename = "it's one.jpg"}, {path = arg[2], filename = "bad.jpg"},
  {path = arg[2], filename = "x.nef"},
})
assert(done == 1 and #imported == 1 and imported[1] == arg[2] .. "/it's one.dng")
assert(#wrong == 1 and wrong[1] == "rawinlay: bad.jpg: no", wrong[1])
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A `rawinlay` on the PATH that only notes what it is asked."""
    program = tmp_path / "bin" / "rawinlay"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.skipif(shutil.which("desktop-file-validate") is None, reason="desktop-file-validate judges entries")
def test_entries_are_valid():
    done = subprocess.run(["desktop-file-validate", *DESKTOP.glob("*.desktop")], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout, done.stdout


@pytest.mark.skipif(shutil.which("sh") is None, reason="sh runs the script")
def test_open_with(fake):
    (fake / "it's one.jpg").touch()
    opener = fake / "bin" / "opener"
    opener.write_text('#!/bin/sh\necho "open $1" >> "$LOG"\n')
    opener.chmod(0o755)
    words = ["sh", str(DESKTOP / "rawinlay-open"), str(fake / "it's one.jpg")]
    for _ in range(2):
        assert subprocess.run(words, env={**os.environ, "RAWINLAY_DEVELOPER": str(opener)}).returncode == 0
    lines = (fake / "log").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["decode", "open", "open"] and lines[1].endswith("it's one.dng")
    assert subprocess.run([*words[:2], str(fake / "bad.jpg")], capture_output=True).returncode == 4


@pytest.mark.skipif(shutil.which("lua") is None, reason="lua runs the script for darktable")
def test_the_script_for_darktable(fake):
    (fake / "try.lua").write_text(LUA)
    for window in ("gui", "none"):
        words = ["lua", str(fake / "try.lua"), str(DESKTOP / "rawinlay.lua"), str(fake), window]
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


IN_DARKTABLE = """
package.path = "{desktop}/?.lua;" .. package.path
local dt = require "darktable"
local done, wrong = require("rawinlay").run({{ dt.database.import("{carrier}") }})
local has = {{}}
for _, one in ipairs(dt.database) do has[#has + 1] = one.filename end
table.sort(has)
print("done " .. done .. " " .. #wrong .. " " .. table.concat(has, " "))
"""


@slow
@pytest.mark.skipif(shutil.which("darktable-cli") is None, reason="darktable-cli runs the script itself")
def test_the_script_in_darktable(tmp_path):
    """In darktable's own Lua, as far as there is one without a window: the DNG is written, and imported."""
    (tmp_path / "IMG 1.jpg").write_bytes(photographs.files()[photographs.TRIMMABLE])
    (tmp_path / "it.jpg").write_bytes(photographs.files()[photographs.PLAIN])
    (tmp_path / "try.lua").write_text(IN_DARKTABLE.format(desktop=DESKTOP, carrier=tmp_path / "IMG 1.jpg"))
    program = Path(sys.executable).with_name("rawinlay")
    if not program.exists():
        pytest.skip("the command is not installed beside the interpreter")
    core = ["--core", "--configdir", str(tmp_path / "config"), "--library", ":memory:"]
    words = ["darktable-cli", str(tmp_path / "it.jpg"), str(tmp_path / "it.png"), *core]
    words += ["--luacmd", f'dofile("{tmp_path}/try.lua")']
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "PATH": path}, timeout=300)
    if "done " not in done.stdout:
        pytest.skip("this darktable has no Lua")
    assert "done 1 0 IMG 1.dng IMG 1.jpg" in done.stdout
    assert (tmp_path / "IMG 1.dng").read_bytes()[:2] == b"II"
