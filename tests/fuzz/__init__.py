"""Fuzzing by coverage: `python -m tests.fuzz.NAME --runs N`, a file for each thing that reads what nobody trusts.

Needs the extra `fuzz` (atheris). `corpus/NAME` holds where each begins; what is found since goes into a folder that
`--corpus` names. The suite runs each a few times without atheris (`tests/format/test_fuzz.py`).
"""
