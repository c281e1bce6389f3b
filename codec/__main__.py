"""`python -m codec`: the command line, installed or from a checkout."""

from codec.cli.main import run

if __name__ == "__main__":
    run()
