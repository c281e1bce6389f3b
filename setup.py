"""The package, with its inner loops compiled where that can be (`bitstream/ahead/build.py`).

Without a compiler it is built all the same: kernels are then compiled when they are first called.
"""

import importlib.util
import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

HERE = Path(__file__).parent.resolve()


def builder():
    """`bitstream/ahead/build.py`, of the folder that is built."""
    sys.dont_write_bytecode = True  # the folder stays as it is
    spec = importlib.util.spec_from_file_location("rawinlay_build", HERE / "bitstream/ahead/build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Kernels(build_ext):
    """Compiles what `bitstream/ahead` makes of the kernels; never fails."""

    def build_extension(self, ext):
        try:
            objects = builder().objects(self.compiler, Path(self.build_temp) / "kernels", self.include_dirs)
            target = self.get_ext_fullpath(ext.name)
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            self.compiler.link_shared_object(objects, target, export_symbols=self.get_export_symbols(ext))
        except (Exception, SystemExit) as error:
            print(f"rawinlay: inner loops are not compiled ahead, but when they are first called: {error}", file=sys.stderr)


wanted = os.environ.get("RAWINLAY_KERNELS") != "numba"
extension = Extension("rawinlay.bitstream.ahead._kernels", [], py_limited_api=True, optional=True)
setup(
    ext_modules=[extension] if wanted else [],
    cmdclass={"build_ext": Kernels},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
