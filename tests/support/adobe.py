"""A DNG as Adobe's SDK reads it."""

import subprocess
import sys

import numpy as np


def adobe_mosaic(path):
    """The mosaic as Adobe's SDK reads it, in a process of its own; fails on anything that it prints to stderr."""
    out = path.with_suffix(".npy")
    script = f"import dngpy, numpy; numpy.save({str(out)!r}, dngpy.Dng({str(path)!r}).raw_pixels)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return np.asarray(np.load(out))[..., 0]
