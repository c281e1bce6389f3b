"""Settling on a recipe for a step: from the plain one to a richer one, and to one with corrections, as long as it pays.

::

    a candidate --quick fit--> cost, beside the one's of the recipe that seems best there --> the cheaper
                                   and of that one with corrections by blocks, side by side --> the cheapest
                                   and of that one with a second look at the guide          --> the cheapest
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace

import numpy as np

from ...bitstream.errors import StreamError
from ...bitstream.runtime.memory import give_back
from ..recipe.recipe import Recipe
from .fit import corrections
from .fit import look as second
from .fit.samples import Fit
from .fit.source_picture import SourcePicture
from .job import Candidate, recipe_bytes

LEAST_WORTH = 0.001
"""Share of the cost that a second look must save: it takes some of the decoder's time, and estimates err."""

DOUBT, SURE = 0.002, 0.004
"""Between so much dearer and so much cheaper by quick fits, careful ones tell whether a second look pays."""


def choose_recipe(
    candidate: Candidate, step: int, fitted: Fit | None = None, room: float = math.inf, careful: bool = True
) -> tuple[Candidate, Fit]:
    """The candidate that costs least at a step, its recipe's own bytes included, and parameters of the stages for it.

    candidate: to begin with; fitted: parameters for it, if they are known, from a quick fit. room: bytes that a recipe
    may take. careful: False for parameters from a quick fit.
    """
    job = candidate.job
    best = candidate, fitted or candidate.fit(step, quick=True)
    richest = job.recipes.best(step, job.header.step_exponent, room)
    if richest is not candidate.recipe:
        best = _cheaper(*best, richest, room)
    whole = best[0].recipe
    for side in job.effort.local:
        give_back()
        corrected = with_corrections(job.picture, whole, step, side)
        if corrected is not None:
            best = _cheaper(*best, corrected, room)
    give_back()
    if job.effort.look and not candidate.cell:
        looked = with_look(job.picture, best[0].recipe, step)
        if looked is not None:
            best = _looked(*best, looked, room)
    return (best[0], best[0].fit(step)) if careful else best


def _cheaper(best: Candidate, fitted: Fit, recipe: Recipe, room: float) -> tuple[Candidate, Fit]:
    """The better one of a candidate, fitted, and the same picture with another recipe; with its fit."""
    if recipe_bytes(recipe) > room:
        return best, fitted
    other = best.job.candidate(recipe)
    found = other.fit(fitted.step, quick=True, only=fitted.better)
    return (other, found) if other.cost(found) < best.cost(fitted) else (best, fitted)


def _looked(best: Candidate, fitted: Fit, recipe: Recipe, room: float) -> tuple[Candidate, Fit]:
    """The same for a recipe with a second look; where the quick fits are of nearly one cost, careful ones tell."""
    if recipe_bytes(recipe) > room:
        return best, fitted
    other = best.job.candidate(recipe)
    found = other.fit(fitted.step, quick=True, only=fitted.better)
    worth = _saved(best.cost(fitted), other.cost(found))
    if -DOUBT < worth < SURE:
        worth = _saved(best.cost(best.fit(fitted.step)), other.cost(other.fit(fitted.step)))
    return (other, found) if worth > LEAST_WORTH else (best, fitted)


def _saved(before: float, after: float) -> float:
    """Share of a cost that another one is less; 0 where there is none to save."""
    return 1 - after / before if before > 0 else 0.0


def with_corrections(picture: SourcePicture, recipe: Recipe, step: int, side: int) -> Recipe | None:
    """A recipe with corrections by blocks of a side, for a step; None where there are none that pay and fit."""
    with contextlib.suppress(StreamError, np.linalg.LinAlgError):
        local = corrections.fit(picture, recipe, step, side)
        return recipe.with_local(local) if local else None
    return None


def with_look(picture: SourcePicture, recipe: Recipe, step: int) -> Recipe | None:
    """A recipe with a second look at what comes of it, for a step; None where none fits."""
    with contextlib.suppress(StreamError, np.linalg.LinAlgError):
        return replace(recipe, look=second.fit(picture, recipe, step))
    return None
