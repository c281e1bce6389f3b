"""Costs by block: what a guide saves there, and where there is something to save."""

import numpy as np
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder import guides
from rawinlay.codec.encoder.fit.trust import costs
from rawinlay.codec.encoder.job import Job
from rawinlay.codec.encoder.options import EncodeOptions
from scenes import painted, scene


def job_of(picture):
    header = Stream.from_bytes(picture.encode(quality=50, guide="none")).header
    return Job.of(picture.raw, picture.planes, picture.geometry, header, len, EncodeOptions())


def weighed(picture):
    job = job_of(picture)
    return costs(job.picture, [(job.picture.side_info, job.recipes.plain)], guides.COARSEST)


def test_a_guide_saves_where_it_shows_the_picture():
    good = scene((160, 192), seed=5)
    theirs, without = weighed(good)
    assert theirs.bits.shape == (5, 6) and theirs.bits.sum() < 0.6 * without.bits.sum()
    assert not guides.doubtful(theirs, without).any()
    theirs, without = weighed(painted(good, np.s_[:], np.s_[96:]))
    doubt = guides.doubtful(theirs, without)
    assert doubt[:, 3:].mean() > 0.8 and doubt[:, :3].mean() < 0.2


def test_noise_is_no_structure():
    noise = np.random.default_rng(0).normal(3000, 40, (160, 192)).astype(np.uint16)
    _, without = weighed(scene((160, 192), mosaic=noise))
    assert not without.structured.any()
    _, without = weighed(scene((160, 192), seed=5))
    assert without.structured.mean() > 0.5
