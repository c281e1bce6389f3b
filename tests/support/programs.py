"""Programs that may be installed."""

import shutil
import subprocess

import pytest


def program(name):
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, timeout=600).stdout
