"""Of several guides that a picture may be coded with, one that fails does not end the encoding."""

from types import SimpleNamespace

import pytest
from rawinlay.bitstream.errors import InputError, UsageError
from rawinlay.codec.encoder import encode
from rawinlay.codec.encoder.options import EncodeOptions


def jobs(monkeypatch, *outcomes):
    def coded(job, raw, options):
        if isinstance(job.outcome, Exception):
            raise job.outcome
        return job.outcome

    monkeypatch.setattr(encode, "_coded", coded)
    plain = SimpleNamespace(error=lambda found: found)
    return [SimpleNamespace(outcome=outcome, plain=lambda: plain) for outcome in outcomes]


def test_the_least_error_of_those_that_can_be_coded_is_kept(monkeypatch):
    some = jobs(monkeypatch, UsageError("too few bytes"), 3.0, InputError("the search ran away"), 2.0)
    assert encode._best(some, None, EncodeOptions.of(size=1000)) == (some[3], 2.0)


def test_what_all_fail_at_is_said(monkeypatch):
    with pytest.raises(UsageError, match="first"):
        encode._best(jobs(monkeypatch, UsageError("first"), InputError("then")), None, EncodeOptions.of(size=1000))
