"""Validation scores what people would see."""

from __future__ import annotations

import torch

from napari_sam_i2v.training.movies import MovieSettings
from napari_sam_i2v.training.validate import Validation, ValidationSettings


def test_masks_are_scored_against_the_truth_as_it_was_drawn() -> None:
    settings = ValidationSettings(movies=2, clips=8, frames=3)
    movies = MovieSettings(frames=4, size=96)
    validation = Validation(settings, movies, 2.1, torch.device("cpu"), 0)
    assert len(validation._clips) == 8
    assert not validation._clips.swell.any()
