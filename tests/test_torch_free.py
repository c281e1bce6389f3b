"""What the CPU needs is imported without torch."""

import subprocess
import sys

MODULES = "codec.encoding codec.stream codec.trunk.cpu codec.trunk.cpu_encoder"


def test_no_torch():
    code = f"import sys, {', '.join(MODULES.split())}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
