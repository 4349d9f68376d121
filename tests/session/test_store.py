"""The mask store: whole frames, whatever happens."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.masklets import ObjectMask
from napari_sam_i2v.session.store import MaskStore, Snapshot, as_stored


def mask(logits: np.ndarray, *, frame: int = 0, object_id: int = 1) -> ObjectMask:
    return as_stored(
        ObjectMask(
            frame=frame,
            object_id=object_id,
            offset=(3, 4),
            logits=logits,
            predicted_iou=0.75,
            object_score=-2.5,
        )
    )


LOGITS = np.array([[1e-9, -1, np.nan], [1e30, np.inf, 0], [3.14159, 2, 1]], np.float32)


def test_rounding_keeps_every_pixel() -> None:
    stored = mask(LOGITS).logits
    np.testing.assert_array_equal(stored > 0, LOGITS > 0)
    assert np.isfinite(stored).all()


@pytest.mark.parametrize("logits", [LOGITS, np.zeros((0, 0), np.float32)])
def test_masks_come_back_as_they_were(tmp_path: Path, logits: np.ndarray) -> None:
    stored = mask(logits)
    MaskStore(tmp_path / "s.sqlite").write(3, [stored])
    read = MaskStore(tmp_path / "s.sqlite").read(0, 1, 3)
    np.testing.assert_array_equal(read.logits, stored.logits)
    assert (read.frame, read.object_id, read.offset) == (0, 1, (3, 4))
    assert (read.predicted_iou, read.object_score) == (0.75, -2.5)


def test_a_write_is_whole_or_not_at_all() -> None:
    store = MaskStore.temporary()
    snapshot = Snapshot(version=1, steps=1, engine=b"one", without_tracks=(4,))
    store.write(1, [mask(LOGITS)], steps=1, snapshot=snapshot)
    bad = Snapshot(version=1, steps=2, engine=object())
    with pytest.raises(Exception, match="type|supported"):
        store.write(1, [mask(LOGITS, frame=1)], steps=2, snapshot=bad)
    assert store.versions(1) == []
    assert store.steps(1) == 1
    assert store.snapshot() == snapshot


def test_cutting_forgets_what_the_log_does_not_know() -> None:
    store = MaskStore.temporary()
    for version in range(3):
        snapshot = Snapshot(version=version, steps=5, engine=b"")
        store.write(version, [mask(LOGITS)], steps=5, snapshot=snapshot)
    store.cut(1)
    assert store.versions(0) == [(1, 0)]
    assert [store.steps(version) for version in range(3)] == [5, 0, 0]
    assert store.snapshot() is None


def test_a_dropped_snapshot_gives_its_room_back(tmp_path: Path) -> None:
    store = MaskStore(tmp_path / "s.sqlite")
    for steps in range(20):
        snapshot = Snapshot(version=0, steps=steps, engine=bytes(1_000_000))
        masks = [mask(LOGITS, frame=steps, object_id=i) for i in range(20)]
        store.write(0, masks, steps=steps, snapshot=snapshot)
    assert store.path.stat().st_size > 1_000_000
    store.drop_snapshot()
    assert store.path.stat().st_size < 200_000
    store.close()
    again = MaskStore(tmp_path / "s.sqlite")
    assert again.snapshot() is None
    assert [len(again.versions(frame)) for frame in range(20)] == [20] * 20
    np.testing.assert_array_equal(again.read(7, 3, 0).logits, mask(LOGITS).logits)


def test_a_copy_has_everything(tmp_path: Path) -> None:
    store = MaskStore.temporary()
    store.write(0, [mask(LOGITS), mask(LOGITS, object_id=2)], steps=1)
    store.copy_to(tmp_path / "copy.sqlite")
    copy = MaskStore.copy_of(tmp_path / "copy.sqlite")
    assert copy.versions(0) == store.versions(0) == [(1, 0), (2, 0)]
    assert copy.versions_of(0, 2) == [0]
    copy.write(1, [mask(LOGITS)])
    assert MaskStore(tmp_path / "copy.sqlite").versions_of(0, 1) == [0]


def test_a_temporary_store_goes_with_its_last_user() -> None:
    store = MaskStore.temporary()
    folder = store.path.parent
    assert folder.exists()
    del store
    gc.collect()
    assert not folder.exists()


def test_a_damaged_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "s.sqlite").write_text("no database" * 1000)
    with pytest.raises(InputError, match="is damaged"):
        MaskStore(tmp_path / "s.sqlite")
    with pytest.raises(InputError, match="cannot be written"):
        MaskStore(tmp_path / "none" / "s.sqlite")
