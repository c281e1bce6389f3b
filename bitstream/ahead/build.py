"""Kernels translated and compiled: what `setup.py` does when the package is built.

    python -m rawinlay.bitstream.ahead.build        in a checkout, after a kernel has changed
"""

from __future__ import annotations

import importlib
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..runtime.jit import Kernel
from ..runtime.kernel_sources import made_of
from . import signatures
from .program import Program
from .types import Unsupported

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGE = str(__package__).partition(".")[0]

# What is computed is what IEEE 754 says, operation by operation, as by numba: nothing contracted or reordered. Errors
# and traps, which nobody looks at, need not be kept. Whole numbers wrap; bits of floats are looked at as integers.
FLAGS = (
    "-std=gnu11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fwrapv",
    "-fno-strict-aliasing", "-fvisibility=hidden", "-w", "-g0", "-fno-thread-jumps",
    "--param=vect-max-version-for-alias-checks=200",  # of GCC: vectors also where many arrays might overlap
)  # fmt: skip
LEVELS = {"base": (), "avx2": ("-mavx2", "-mbmi", "-mbmi2")}
"""Processors that kernels are compiled for; `module.c` looks at which one it is."""


def translated() -> tuple[str, list[str]]:
    """The kernels of `signatures.txt` in C, and a line on each that can't be translated."""
    program = Program(lambda what: isinstance(what, Kernel))
    digests: dict[str, str] = {}
    troubles = []
    for title, signature in signatures.read():
        module, _, name = title.partition(":")
        try:
            found = importlib.import_module(f"{PACKAGE}.{module}")
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
    return objects_of(compiler, folder, text, include)


def includes() -> list[str]:
    """Where Python's own declarations lie."""
    return [sysconfig.get_paths()["include"]]


def objects_of(compiler: Any, folder: Path, text: str, include: list[str]) -> list[str]:
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


def new_compiler() -> Any:
    """The compiler that Python itself was made with, or what CC names."""
    from setuptools._distutils.ccompiler import new_compiler as new
    from setuptools._distutils.sysconfig import customize_compiler

    compiler = new()
    customize_compiler(compiler)
    return compiler


def main() -> None:
    """Build in place."""
    compiler, target = new_compiler(), ROOT / "bitstream" / "runtime" / "_kernels.abi3.so"
    compiler.link_shared_object(objects(compiler, ROOT / "build" / "kernels", includes()), str(target))
    print(target)


if __name__ == "__main__":
    main()
