"""Parity over the superbox: what damages or loses some of its segments is mended, byte for byte.

The contents of the superbox up to the box of the parity are cut into units, which are dealt out to groups by turns:
unit i is number i // groups of group i % groups. Each group gets `spare` units more, a Reed-Solomon code over GF(2^8):
with polynomial x^8 + x^4 + x^3 + x^2 + 1 and its root a, the byte at one place of unit n of a group is P(x_n), x_0 = 0,
x_n = a^(n - 1), for the one polynomial P of lower degree than there are data units. Any so many units of a group, spare
ones or not, so give all of it back. The last data unit is filled up with zeros.

The box (`uuid`) holds, behind its UUID:

==========  ==========================================================================================
bytes       meaning
==========  ==========================================================================================
u32         length of the record
length      the record `FIELDS`
u32         CRC of the record
units       spare units: of each group its first, of each its second, and so on
16          the UUID once more, then length, record and CRC again: the beginning of the box may be lost
==========  ==========================================================================================

A unit is a segment's contents, or a third of them, so that a lost segment costs no more than that; less in a small
file. The arithmetic is in `bitstream.stream.gf256`.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from ..errors import StreamError
from ..stream import gf256
from ..stream.fields import Field, read_record, write_record
from .jumbf import PART, box

UUID = bytes.fromhex("1E6A7C3B52574E434F50590000000002")
UNITS, LEAST_UNIT = (PART // 3, PART), 64
MOST_IN_A_GROUP = gf256.MOST  # units, spare ones included
MOST_SHARE = 0.5
MANY = 3
MOST_RECORDS, MOST_BYTES = 16, 1 << 22  # that are looked at, and of one

FIELDS = (
    Field("covered", "varint", "bytes of the superbox's contents that are covered, from the first on"),
    Field("unit", "varint", "bytes of a unit", low=LEAST_UNIT),
    Field("groups", "varint", "groups that the units are dealt out to", low=1),
    Field("spare", "varint", "spare units of each group", low=1, high=MOST_IN_A_GROUP - 1),
    Field("crcs", "bytes", "CRC-32 of each data unit, then of each spare one, u32", high=1 << 21),
)


@dataclass(frozen=True)
class Plan:
    """How a box is laid out; every field as in `FIELDS`."""

    covered: int
    unit: int
    groups: int
    spare: int
    crcs: bytes = field(default=b"", repr=False)

    @property
    def data_units(self) -> int:
        """Of all groups, the last one perhaps filled up."""
        return -(-self.covered // self.unit)

    @property
    def spare_units(self) -> int:
        """Of all groups."""
        return self.groups * self.spare

    def members(self, group: int) -> range:
        """Data units of a group."""
        return range(group, self.data_units, self.groups)

    def to_bytes(self) -> bytes:
        """UUID, length, record, CRC."""
        record = write_record(FIELDS, asdict(self))
        return UUID + len(record).to_bytes(4, "little") + record + zlib.crc32(record).to_bytes(4, "little")

    @classmethod
    def of(cls, covered: int, share: float) -> Plan:
        """The plan for so many bytes, with a share of them in spare units; the CRCs are still to come."""
        most = int(MOST_IN_A_GROUP / (1 + share) ** 2) - 2
        unit = next((size for size in UNITS if covered <= size * most), UNITS[-1])
        unit = max(LEAST_UNIT, min(unit, math.ceil(covered / math.ceil(1 / share))))
        groups = math.ceil(-(-covered // unit) / most)
        # Of all segments, those of the parity too, this share may be lost; where that is many, some of those as well.
        spare = max(1, round(share / (1 - share) * covered / unit / groups))
        return cls(covered, unit, groups, spare + (spare >= MANY))

    @classmethod
    def find(cls, contents: bytes) -> tuple[Plan, int] | None:
        """The plan in a superbox's contents, damaged or not, and where its spare units begin; None where there is
        none."""
        at = contents.find(UUID)
        for _ in range(MOST_RECORDS):
            if at < 0:
                break
            start = at + len(UUID) + 4
            record = contents[start : start + min(int.from_bytes(contents[start - 4 : start], "little"), MOST_BYTES)]
            end = start + len(record) + 4
            plan = _sound(record) if contents[end - 4 : end] == zlib.crc32(record).to_bytes(4, "little") else None
            if plan is not None:
                # The box stands directly behind what it covers: so the place tells the first record from the second.
                first = at == plan.covered + 8
                return plan, end if first else at - plan.spare_units * plan.unit
            at = contents.find(UUID, at + 1)
        return None


def _sound(record: bytes) -> Plan | None:
    """A record as a plan, if one can be worked by."""
    try:
        plan = Plan(**read_record(FIELDS, record, "parity"))
    except StreamError:
        return None
    if plan.groups > plan.data_units or len(plan.crcs) != 4 * (plan.data_units + plan.spare_units):
        return None
    return plan if len(plan.members(0)) + plan.spare <= MOST_IN_A_GROUP else None


def parity_size(covered: int, share: float) -> int:
    """Bytes of the box over so many."""
    plan = Plan.of(covered, share)
    crcs = bytes(4 * (plan.data_units + plan.spare_units))
    head = len(Plan(plan.covered, plan.unit, plan.groups, plan.spare, crcs).to_bytes())
    return 8 + 2 * head + plan.spare_units * plan.unit


def parity_box(contents: bytes, share: float) -> bytes:
    """The box over the contents before it; share: of their bytes, above 0, at most `MOST_SHARE`."""
    plan = Plan.of(len(contents), share)
    units = list(_units(contents, plan))
    spare: list[bytes] = [b""] * plan.spare_units
    for group in range(plan.groups):
        own = [units[n] for n in plan.members(group)]
        spare[group :: plan.groups] = gf256.spare(own, plan.spare)
    crcs = b"".join(zlib.crc32(unit).to_bytes(4, "little") for unit in [*units, *spare])
    head = Plan(plan.covered, plan.unit, plan.groups, plan.spare, crcs).to_bytes()
    return box(b"uuid", b"".join([head, *spare, head]))


def mended(contents: bytes) -> tuple[bytes, int, int]:
    """A superbox's contents (zeros where something is missing) with what parity can mend; how many units were damaged,
    and how many still are. (contents, 0, 0) where there is no parity."""
    found = Plan.find(contents)
    if found is None:
        return contents, 0, 0
    plan, start = found
    units, spare, good = _examined(contents, plan, start)
    damaged = good[: len(units)].count(False)
    if not damaged:
        return contents, damaged, damaged
    left = 0
    for group in range(plan.groups):
        members = plan.members(group)
        lost = [n for n in members if not good[n]]
        if not lost:
            continue
        have = {number: units[n] for number, n in enumerate(members) if good[n]}
        for k in range(plan.spare):
            if good[len(units) + k * plan.groups + group]:
                have[len(members) + k] = spare[k * plan.groups + group]
        if len(have) < len(members):
            left += len(lost)
            continue
        for n, unit in zip(members, gf256.solved(have, len(members)), strict=True):
            units[n] = unit
    if damaged == left:
        return contents, damaged, left
    return b"".join(units)[: plan.covered] + contents[plan.covered :], damaged, left


def damages(contents: bytes) -> int:
    """How many spare units are damaged."""
    found = Plan.find(contents)
    return _examined(contents, *found)[2][found[0].data_units :].count(False) if found else 0


def _examined(contents: bytes, plan: Plan, start: int) -> tuple[list[bytes], list[bytes], list[bool]]:
    """Data units, spare units that begin at `start`, and which of all these are intact."""
    crcs = [plan.crcs[k : k + 4] for k in range(0, len(plan.crcs), 4)]
    units = list(_units(contents[: plan.covered].ljust(plan.covered, b"\0"), plan))
    ends = range(start, start + plan.spare_units * plan.unit, plan.unit)
    spare = [contents[max(at, 0) : max(at + plan.unit, 0)] for at in ends]
    good = [zlib.crc32(unit).to_bytes(4, "little") == crc for unit, crc in zip([*units, *spare], crcs, strict=True)]
    return units, spare, good


def _units(contents: bytes, plan: Plan) -> Iterator[bytes]:
    for at in range(0, plan.covered, plan.unit):
        yield contents[at : at + plan.unit].ljust(plan.unit, b"\0")
