"""What the CPU needs is imported without torch."""

import subprocess
import sys

MODULES = "codec.trunk.ground codec.trunk.companding codec.trunk.layout codec.recipe_choice codec.trunk.fit_local"


def test_no_torch():
    code = f"import sys, {', '.join(MODULES.split())}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
