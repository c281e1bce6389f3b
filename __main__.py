"""`python -m rawinlay`: the command line."""

from .codec.cli.main import run

if __name__ == "__main__":
    run()
