"""`python -m codec`: the command line, installed or from a checkout."""

import sys

from codec.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
