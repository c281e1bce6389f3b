"""A DNG as Adobe's SDK reads it."""

import subprocess
import sys

import numpy as np

PADDING = "Too little padding on"
"""A crop to the mosaic's edges, which the SDK warns of."""


def adobe_mosaic(path, passed_over=None):
    """The mosaic as Adobe's SDK reads it, in a process of its own; fails on anything that it prints to stderr but for
    lines with these words."""
    out = path.with_suffix(".npy")
    script = f"import dngpy, numpy; numpy.save({str(out)!r}, dngpy.Dng({str(path)!r}).raw_pixels)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if not (passed_over and passed_over in line)]
    assert done.returncode == 0 and not said, done.stderr
    return np.asarray(np.load(out))[..., 0]
