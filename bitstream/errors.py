"""The errors a user can meet, each with the exit code of the command line.

=========  ====================================================  ====
error      meaning                                               exit
=========  ====================================================  ====
Usage      the call itself makes no sense                        2
Input      an input is unreadable, unsupported or does not fit   3
NoRaw      the JPEG carries no RAW                               4
Stream     the stream is damaged, newer, or another JPEG's       5
Changed    the RAW is sound, the JPEG around it was changed      6
=========  ====================================================  ====

Every message is one line, says what is wrong with which thing, and where possible what to do.
"""


class RawinlayError(Exception):
    """Base of every error that is shown as one line rather than as a traceback."""

    exit_code = 1


class UsageError(RawinlayError):
    """The call's arguments contradict each other or are out of range."""

    exit_code = 2


class InputError(RawinlayError):
    """An input file is unreadable, of an unsupported kind, or does not fit the other input."""

    exit_code = 3


class UnsupportedError(InputError):
    """An input is sound, as far as was looked, and of a kind that is not supported."""


class NoRawError(RawinlayError):
    """The JPEG carries no RAW (never had one, or a program took it out)."""

    exit_code = 4


class RawLostError(NoRawError):
    """The JPEG carried a RAW once: a program that saved it since has taken it out."""


class StreamError(RawinlayError):
    """The RAW stream is damaged, of a newer version, or belongs to another JPEG."""

    exit_code = 5


class ChangedError(RawinlayError):
    """The RAW is sound, but the JPEG around it is not what it was: `verify` says so."""

    exit_code = 6
