"""The convolutional codes of the trellis (`codec.trunk.trellis`)."""

from __future__ import annotations

CODES = {2: (0o5, 0o2), 3: (0o13, 0o4), 4: (0o23, 0o4), 5: (0o45, 0o10), 6: (0o103, 0o24)}
"""h0 and h1 by the logarithm of the number of states."""

DEFAULT_STATES = 3
