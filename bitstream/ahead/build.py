"""Kernels translated and compiled: what `setup.py` does when the package is built.

    python -m rawinlay.bitstream.ahead.build        in a checkout, after a kernel has changed
"""

from __future__ import annotations

import importlib
import sys
import sysconfig
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXTENSION = "rawinlay.bitstream.ahead._kernels"

# What is computed is what IEEE 754 says, operation by operation, as by numba: nothing contracted or reordered. Errors
# and traps, which nobody looks at, need not be kept. Whole numbers wrap; bits of floats are looked at as integers.
FLAGS = (
    "-std=gnu11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fwrapv",
    "-fno-strict-aliasing", "-fvisibility=hidden", "-w", "-g0", "-fno-thread-jumps",
    "--param=vect-max-version-for-alias-checks=200",  # of GCC: vectors also where many arrays might overlap
)  # fmt: skip
LEVELS = {"base": (), "avx2": ("-mavx2", "-mbmi", "-mbmi2")}
"""Processors that kernels are compiled for; `module.c` looks at which one it is."""


def package() -> None:
    """Make `rawinlay` importable from the folder that is built, where it isn't installed."""
    if "rawinlay" not in sys.modules:
        found = types.ModuleType("rawinlay")
        found.__path__ = [str(ROOT)]
        sys.modules["rawinlay"] = found


def translated(wanted: list[tuple[str, str]] | None = None) -> tuple[str, list[str]]:
    """Kernels in C, those of `signatures.txt` unless told, and a line on each that can't be translated."""
    package()
    from rawinlay.bitstream.ahead import signatures
    from rawinlay.bitstream.ahead.program import Program
    from rawinlay.bitstream.ahead.types import Unsupported
    from rawinlay.bitstream.runtime.jit import Kernel
    from rawinlay.bitstream.runtime.kernel_sources import made_of

    program = Program(lambda what: isinstance(what, Kernel))
    digests: dict[str, str] = {}
    troubles = []
    for title, signature in signatures.read() if wanted is None else wanted:
        module, _, name = title.partition(":")
        try:
            found = importlib.import_module(f"rawinlay.{module}")
            program.want(title, getattr(found, name), signature)
            digests[module] = made_of(str(found.__file__)).hex()
        except (Unsupported, AttributeError, ImportError) as error:
            troubles.append(f"{title} {signature}: {error}")
    return program.text(digests), troubles


def objects(compiler: Any, folder: Path, include: list[str]) -> list[str]:
    """Compile the kernels with a compiler of setuptools; the objects' files."""
    text, troubles = translated()
    for trouble in troubles:
        print(f"not compiled ahead: {trouble}", file=sys.stderr)
    return compiled(compiler, folder, text, include)


def includes() -> list[str]:
    """Where Python's own declarations lie."""
    return [sysconfig.get_paths()["include"]]


def compiled(compiler: Any, folder: Path, text: str, include: list[str]) -> list[str]:
    """Compile kernels in C, with the table around them; the objects' files."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "kernels.c"
    source.write_text(text, encoding="utf-8")
    include = [*include, str(HERE)]
    levels = ["base", "avx2"] if sysconfig.get_platform().endswith(("x86_64", "amd64")) else ["base"]

    def at(level: str) -> list[str]:
        out = compiler.compile(
            [str(source)], output_dir=str(folder / level), macros=[("LEVEL", level)], include_dirs=include,
            extra_postargs=[*FLAGS, *LEVELS[level]],
        )  # fmt: skip
        return list(out)

    with ThreadPoolExecutor(2) as pool:
        made = [name for names in pool.map(at, levels) for name in names]
    macros = [("RAWINLAY_AVX2", "1")] if "avx2" in levels else []
    made += compiler.compile(
        [str(HERE / "module.c")], output_dir=str(folder), macros=macros, include_dirs=include, extra_postargs=[*FLAGS]
    )
    return made


def main() -> None:
    """Build in place."""
    from setuptools import Extension
    from setuptools.command.build_ext import build_ext
    from setuptools.dist import Distribution

    command = build_ext(Distribution())
    command.ensure_finalized()
    command.extensions = [Extension(EXTENSION, [])]
    folder = ROOT / "build" / "kernels"
    command.build_lib, command.build_temp = str(folder), str(folder)
    prepare(command)
    target = HERE / "_kernels.abi3.so"
    command.compiler.link_shared_object(objects(command.compiler, folder, command.include_dirs), str(target))
    print(target)


def prepare(command: Any) -> None:
    """A `build_ext` with its compiler, ready to be asked."""
    from setuptools._distutils.ccompiler import new_compiler
    from setuptools._distutils.sysconfig import customize_compiler

    command.compiler = new_compiler(compiler=command.compiler)
    customize_compiler(command.compiler)


if __name__ == "__main__":
    main()
