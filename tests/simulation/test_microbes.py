"""Rods in channels, chains and colonies lie as their arrangement says."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sam_i2v.simulation.chains import end_of
from napari_sam_i2v.simulation.channels import Channels
from napari_sam_i2v.simulation.dynamics import Dynamics, draw_dynamics
from napari_sam_i2v.simulation.population import Population
from napari_sam_i2v.simulation.settings import SimulationSettings
from napari_sam_i2v.simulation.simulate import simulate


def behaviour(settings: SimulationSettings, arrangement: str) -> Dynamics:
    for seed in range(50):
        dynamics = draw_dynamics(settings, np.random.default_rng(seed))
        if dynamics.arrangement == arrangement:
            return dynamics
    raise AssertionError(f"no movie is arranged as {arrangement}")


def settings_for(modality: str, **changes: object) -> SimulationSettings:
    made = {
        "modality": modality,
        "frames": 2,
        "cells": 30,
        "diameter": 8.0,
        "division_rate": 0.1,
        "death_rate": 0.0,
        "drift": 0.0,
    }
    return SimulationSettings(**(made | changes))


@pytest.fixture
def channels() -> Channels:
    settings = settings_for("channels")
    dynamics = behaviour(settings, "channel")
    return Channels(settings, dynamics, np.random.default_rng(3))


def test_rods_stay_in_their_channels_and_do_not_overlap(channels: Channels) -> None:
    for _ in range(30):
        channels.step(np.zeros(2))
        for column, rods in zip(channels.columns, channels.channels, strict=True):
            places = channels.down * np.array([rod.centre[0] for rod in rods])
            halves = np.array([rod.length / 2 + rod.radius for rod in rods])
            gaps = np.diff(places) - halves[1:] - halves[:-1]
            assert (gaps > -2).all()
            off = [abs(rod.centre[1] - column) / rod.radius for rod in rods]
            assert not off or max(off) < 0.5


def test_growth_pushes_rods_out_at_the_mouth(channels: Channels) -> None:
    lost = 0
    for _ in range(40):
        before = {id(rod) for rod in channels.cells}
        channels.step(np.zeros(2))
        parents = len(before - {id(rod) for rod in channels.cells})
        lost += parents
    assert lost > 0
    depths = [channels.down * (rod.centre[0] - channels.end) for rod in channels.cells]
    assert 0 < min(depths) and max(depths) < 1.3 * channels.depth


def test_a_rod_that_divides_in_a_channel_gives_two_of_half_its_length() -> None:
    movie = simulate(settings_for("channels", frames=30, seed=5))
    pairs: dict[int, list[int]] = {}
    for track in movie.tracks:
        if track.parent:
            pairs.setdefault(track.parent, []).append(track.track_id)
    both = [(mother, two) for mother, two in pairs.items() if len(two) == 2]
    assert both
    for mother, two in both:
        end = movie.tracks[mother - 1].end
        before = (movie.labels[end] == mother).sum()
        after = np.isin(movie.labels[end + 1], two).sum()
        assert 0.6 * before < after < 1.4 * before


def test_the_stage_moves_all_rods_alike() -> None:
    settings = settings_for("channels", division_rate=0.0, deformation=0.0)
    dynamics = behaviour(settings, "channel")
    channels = Channels(settings, dynamics, np.random.default_rng(3))
    before = np.array([rod.centre for rod in channels.cells])
    channels.step(np.array([3.0, -5.0]))
    moved = np.array([rod.centre for rod in channels.cells]) - before
    assert np.abs(moved - (3.0, -5.0)).max() < 0.5 * dynamics.radius


def test_walls_stand_beside_the_rods_and_not_on_them(channels: Channels) -> None:
    field = np.zeros((256 + 40, 256 + 20), np.float32)
    channels.draw_walls(field, np.array([30.0, 10.0]), 1.0)
    for rod in channels.cells:
        y, x = np.round(rod.centre + (30, 10)).astype(int)
        beside = field[y, x : x + int(2.5 * rod.radius) + 1]
        assert field[y, x] < 0.1 < beside.max()


def test_linked_rods_touch_end_to_end() -> None:
    settings = settings_for("chains")
    dynamics = behaviour(settings, "chain")
    population = Population(settings, dynamics, np.random.default_rng(0))
    for _ in range(10):
        population.step(np.zeros(2))
    gaps = [
        np.linalg.norm(end_of(rod, 1) - end_of(rod.behind, -1)) / rod.radius
        for rod in population.cells
        if rod.behind is not None
    ]
    assert len(gaps) > 5
    assert np.median(gaps) < 0.5


def test_a_colony_is_denser_than_rods_that_lie_anywhere() -> None:
    def nearest(arrangement: str) -> float:
        settings = settings_for("rods", cells=60)
        dynamics = behaviour(settings, arrangement)
        cells = Population(settings, dynamics, np.random.default_rng(1)).cells
        centres = np.array([cell.centre for cell in cells])
        away = np.linalg.norm(centres[:, None] - centres[None], axis=2)
        return float(np.median(np.sort(away, axis=1)[:, 5]))

    assert nearest("colony") < 0.8 * nearest("free")


def test_filaments_are_long_and_bent() -> None:
    movie = simulate(settings_for("filaments", frames=1, cells=6, diameter=6.0))
    areas = np.bincount(movie.labels[0].ravel())[1:]
    assert np.median(areas) > 6 * 6**2
