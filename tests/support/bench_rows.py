"""Rows of a made-up benchmark whose answers are known, for the tests of what is made of rows."""

import math

RATES = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)


def row(codec, bpp, psnr, file="a.nef", guide="libraw", setting=None, **more):
    """One row; blind codecs' names begin with "jxl"."""
    setting = setting or (f"bpp={bpp:g}" if codec == "rawinlay" else f"distance={1 / bpp:g}")
    guide = "" if codec.startswith("jxl") else guide
    head = {"file": file, "camera": "Camera", "pixels": 2_000_000, "guide": guide, "codec": codec, "setting": setting}
    costs = {"total": 2.0, "entropy": 1.5, "peak_memory": 1000}
    measures = {"bytes": 250_000 * bpp, "bpp": bpp, "psnr": psnr, "max_error": 0 if psnr is None else 9}
    measures |= {"identical": psnr is None, "encode": costs, "decode": costs}
    return head | measures | {"commit": "0123", "machine": "a machine", "versions": {"python": "3"}, **more}


def known_rows():
    """jxl-linear has 40 dB at 1 bpp + 4 per octave, jxl-sqrt 6 dB less, ours 10 dB more but for one point of b.dng."""
    out = []
    for file in ("a.nef", "b.dng"):
        for k in range(-5, 3):
            out.append(row("jxl-linear", 2.0**k, 40 + 4 * k, file))
            out.append(row("jxl-sqrt", 2.0**k, 34 + 4 * k, file))
        out.append(row("jxl-lossless", 7.0, None, file, setting="lossless"))
        out += [row("rawinlay", rate, 50 + 4 * math.log2(rate), file) for rate in RATES]
    return [*out, row("rawinlay", 3.0, 44.0, "b.dng")]
