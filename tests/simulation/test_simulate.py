"""A simulated movie is a pure function of its settings, with consistent truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from skimage.measure import label

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.simulation import (
    MODALITIES,
    SimulatedMovie,
    SimulationSettings,
    simulate,
)
from napari_sam_i2v.simulation.modalities import TABLE

TINY = SimulationSettings(frames=4, height=96, width=96, cells=8, diameter=18, seed=3)

LIVELY = SimulationSettings(
    frames=14,
    height=96,
    width=96,
    cells=8,
    diameter=16,
    speed=0.2,
    division_rate=0.1,
    death_rate=0.02,
    drift=2.0,
    seed=1,
)


def assert_tracks_match_labels(movie: SimulatedMovie) -> None:
    ids = np.unique(movie.labels[movie.labels > 0])
    assert [track.track_id for track in movie.tracks] == list(ids)
    assert list(ids) == list(range(1, len(ids) + 1))
    for track in movie.tracks:
        shown = (movie.labels == track.track_id).any(axis=(1, 2))
        frames = list(np.flatnonzero(shown))
        assert frames == list(range(track.begin, track.end + 1))


def test_the_same_settings_give_the_same_movie() -> None:
    first, second = simulate(TINY), simulate(TINY)
    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.labels, second.labels)
    assert first.tracks == second.tracks


def test_another_seed_gives_another_movie() -> None:
    other = simulate(replace(TINY, seed=4))
    assert not np.array_equal(simulate(TINY).labels, other.labels)


def test_noise_changes_the_pictures_and_not_the_cells() -> None:
    clean, noisy = (simulate(replace(TINY, noise=noise)) for noise in (0.0, 0.9))
    assert np.array_equal(clean.labels, noisy.labels)
    assert not np.array_equal(clean.images, noisy.images)


def test_global_random_state_is_neither_used_nor_changed() -> None:
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    first = simulate(TINY)
    assert np.array_equal(before, np.random.get_state()[1])
    np.random.seed(6)
    assert np.array_equal(first.images, simulate(TINY).images)


@pytest.mark.parametrize("modality", MODALITIES)
def test_every_modality_makes_a_movie(modality: str) -> None:
    movie = simulate(replace(TINY, modality=modality))
    assert movie.images.shape == movie.labels.shape == (4, 96, 96)
    assert movie.images.dtype == movie.labels.dtype == np.uint16
    assert movie.labels[0].any()
    assert movie.images.std(axis=(1, 2)).min() > 0
    assert_tracks_match_labels(movie)


@pytest.mark.parametrize(
    "modality",
    [
        "nuclei",
        "rods",
        "yeast",
        "spindle",
        "membrane",
        "chains",
        "channels",
        "filaments",
    ],
)
def test_tracks_match_labels_when_cells_divide_die_and_leave(modality: str) -> None:
    movie = simulate(replace(LIVELY, modality=modality))
    assert len(movie.tracks) > len(np.unique(movie.labels[0])) - 1
    assert_tracks_match_labels(movie)


@pytest.mark.parametrize("modality", ["nuclei", "phase", "rods"])
def test_daughters_follow_their_mother(modality: str) -> None:
    movie = simulate(replace(LIVELY, modality=modality, death_rate=0.0))
    daughters = [track for track in movie.tracks if track.parent]
    assert daughters
    for track in daughters:
        mother = movie.tracks[track.parent - 1]
        assert mother.end == track.begin - 1
        before = np.argwhere(movie.labels[mother.end] == mother.track_id)
        after = np.argwhere(movie.labels[track.begin] == track.track_id)
        distance = np.linalg.norm(before.mean(axis=0) - after.mean(axis=0))
        assert distance < 40


@pytest.mark.parametrize(
    "modality", ["nuclei", "cytoplasm", "membrane", "ring", "rods", "spindle"]
)
def test_stained_cells_are_brighter_than_their_surroundings(modality: str) -> None:
    looks = [look for look in TABLE[modality].looks if "phase" not in look]
    brighter = []
    for seed in range(3):
        settings = replace(
            TINY, modality=modality, look=looks[0], noise=0.0, seed=seed, frames=1
        )
        movie = simulate(settings)
        image, inside = movie.images[0].astype(float), movie.labels[0] > 0
        if inside.all():
            continue
        brighter.append(image[inside].mean() > image[~inside].mean())
    assert brighter and all(brighter)


@pytest.mark.parametrize("modality", ["nuclei", "phase", "spindle", "yeast"])
def test_visibility_is_the_part_that_nobody_hides(modality: str) -> None:
    movie = simulate(replace(LIVELY, modality=modality))
    assert movie.visibility.shape == (LIVELY.frames, len(movie.tracks))
    assert movie.visibility.min() >= 0 and movie.visibility.max() <= 1
    for track, seen in zip(movie.tracks, movie.visibility.T, strict=True):
        shown = (movie.labels == track.track_id).any(axis=(1, 2))
        assert np.array_equal(seen > 0, shown)
    alone = simulate(replace(TINY, modality=modality, cells=1, diameter=16))
    assert alone.visibility[0].max() > 0.9


def test_lost_frames_let_cells_move_farther() -> None:
    settings = replace(TINY, frames=12, speed=0.05, division_rate=0.0, death_rate=0.0)

    def mean_change(drops: float) -> float:
        labels = simulate(replace(settings, drops=drops)).labels
        return float(np.mean(labels[1:] != labels[:-1]))

    assert mean_change(0.7) > 1.3 * mean_change(0.0)


def test_a_nucleus_divides_from_a_bright_plate_into_two() -> None:
    settings = replace(
        LIVELY, division_rate=0.15, death_rate=0.0, drift=0.0, noise=0.0, speed=0.0
    )
    movie = simulate(replace(settings, seed=2))
    roundness, brightness = [], []
    for track in movie.tracks:
        if not track.parent:
            continue
        now = movie.labels[track.begin] == track.track_id
        later = movie.labels[track.end] == track.track_id
        if track.end - track.begin < 4 or min(now.sum(), later.sum()) < 20:
            continue
        roundness.append((_aspect(now), _aspect(later)))
        image = movie.images.astype(float)
        brightness.append(
            image[track.begin][now].mean() / image[track.end][later].mean()
        )
    assert len(roundness) > 2
    newborn, grown = np.median(roundness, axis=0)
    assert newborn > 1.3 * grown
    assert np.median(brightness) > 1.1


def _aspect(mask: np.ndarray) -> float:
    small, large = np.linalg.eigvalsh(np.cov(np.argwhere(mask).T))
    return float(np.sqrt(large / small))


@pytest.mark.parametrize("modality", ["phase", "dic", "brightfield", "yeast"])
def test_unstained_cells_disturb_the_light(modality: str) -> None:
    settings = replace(TINY, modality=modality, noise=0.0, frames=1, seed=2)
    movie = simulate(settings)
    image = movie.images[0].astype(float)
    steps = np.abs(np.diff(image, axis=0, append=image[-1:]))
    near = movie.labels[0] > 0
    near |= np.roll(near, 3, 0) | np.roll(near, -3, 0) | np.roll(near, 3, 1)
    assert steps[near].mean() > steps[~near].mean()


def test_without_speed_drift_or_events_cells_stay() -> None:
    settings = replace(
        TINY,
        speed=0.0,
        deformation=0.0,
        division_rate=0.0,
        death_rate=0.0,
        drift=0.0,
        cells=4,
    )
    movie = simulate(settings)
    same = (movie.labels[0] > 0) == (movie.labels[-1] > 0)
    assert same.mean() > 0.97


def test_settings_decide_number_and_size_of_cells() -> None:
    settings = replace(TINY, height=160, width=160, cells=20, diameter=14)
    labels = simulate(settings).labels[0]
    ids, areas = np.unique(labels[labels > 0], return_counts=True)
    assert 8 <= len(ids) <= 40
    assert 8 < 2 * np.sqrt(np.median(areas) / np.pi) < 20


def test_a_single_frame_and_a_single_cell_are_movies_too() -> None:
    movie = simulate(replace(TINY, frames=1, cells=1))
    assert movie.images.shape == (1, 96, 96)


def test_when_every_cell_has_died_the_movie_goes_on() -> None:
    settings = replace(TINY, modality="yeast", frames=12, cells=1, death_rate=1.0)
    movie = simulate(settings)
    assert movie.labels[0].any() and not movie.labels[-1].any()


@pytest.mark.parametrize("body", ["sheet", "spindle"])
def test_flat_cells_and_spindles_are_labelled_in_one_piece(body: str) -> None:
    settings = replace(TINY, modality="phase", body=body, cells=30, seed=4)
    for labels in simulate(settings).labels:
        pieces = label(labels, background=0, connectivity=1)
        assert pieces.max() == len(np.unique(labels)) - 1


def test_an_unknown_modality_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="nuclei, cytoplasm"):
        SimulationSettings(modality="xray")


@pytest.mark.parametrize(
    "wrong",
    [
        {"look": "phase"},
        {"frames": 0},
        {"height": 8},
        {"cells": 0},
        {"seed": -1},
        {"diameter": 1.0},
        {"body": "rod"},
        {"noise": 1.5},
        {"drops": 1.0},
        {"speed": -0.1},
        {"division_rate": 2.0},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        SimulationSettings(**wrong)
