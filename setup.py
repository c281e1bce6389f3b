"""The package, with its inner loops compiled where that can be (`bitstream/ahead/build.py`).

Without a compiler it is built all the same: kernels are then compiled when they are first called.
"""

import importlib
import os
import sys
import types
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent.resolve()


def builder():
    """`rawinlay.bitstream.ahead.build`, of the folder that is built, which need not be installed."""
    sys.dont_write_bytecode = True  # the folder stays as it is
    package = types.ModuleType("rawinlay")
    package.__path__ = [str(HERE)]
    sys.modules["rawinlay"] = package
    return importlib.import_module("rawinlay.bitstream.ahead.build")


class Kernels(build_ext):
    """Compiles what `bitstream/ahead` makes of the kernels; never fails."""

    def build_extension(self, ext):
        try:
            objects = builder().objects(self.compiler, Path(self.build_temp) / "kernels", self.include_dirs)
            target = self.get_ext_fullpath(ext.name)
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            self.compiler.link_shared_object(objects, target, export_symbols=self.get_export_symbols(ext))
        except (Exception, SystemExit) as error:
            told = "inner loops are not compiled now, but when they are first called"
            print(f"rawinlay: {told} ({error})", file=sys.stderr)


class Modules(build_py):
    """The package without this file, which lies in its folder."""

    def find_package_modules(self, package, package_dir):
        found = super().find_package_modules(package, package_dir)
        return [module for module in found if (package, module[1]) != ("rawinlay", "setup")]


wanted = os.environ.get("RAWINLAY_KERNELS") != "numba"
extension = Extension("rawinlay.bitstream.runtime._kernels", [], py_limited_api=True, optional=True)
setup(
    ext_modules=[extension] if wanted else [],
    cmdclass={"build_ext": Kernels, "build_py": Modules},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
