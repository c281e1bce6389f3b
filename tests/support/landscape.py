"""A picture without a camera, for whatever develops."""

import numpy as np


def landscape(h=160, w=224):
    """Soft shapes, edges and fine stripes, linear RGB."""
    y, x = np.mgrid[:h, :w].astype(np.float32)
    sky = np.stack([0.25 + 0.3 * y / h, 0.3 + 0.2 * y / h, 0.5 - 0.2 * y / h], -1)
    ground = np.stack([0.2 + 0.1 * np.sin(x / 3), 0.15 + 0.1 * np.sin(y / 4), 0.08 + 0 * x], -1)
    return np.where((y > h / 2 + 9 * np.sin(x / 20))[..., None], ground, sky).astype(np.float32)
