"""Recorded runs of the released model: replayed on our engine, and compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from napari_sam_i2v.inference.compat import InferenceState, VideoPredictor
from napari_sam_i2v.masklets import ObjectMask
from reference import read_movie, read_vectors

# Rows and columns at which low-resolution logits were recorded: every phase of the
# two transposed convolutions.
_SAMPLED = 4 * np.arange(64) + np.arange(64) % 4

# The reference README's limits, section 8: prompted frames, tracked frames. Memory of
# prompted frames has twice the 1e-4 there: on a Xeon rounding alone is 1.1e-4.
_LIMITS = {
    "low": (1e-3, 5e-3),
    "low, mean": (5e-5, 3e-4),
    "vid": (1e-3, 5e-3),
    "vid, mean": (5e-5, 3e-4),
    "npos": (3, 10),
    "iou": (1e-5, 5e-5),
    "score": (5e-5, 2e-4),
    "ptr": (5e-5, 3e-4),
    "mem": (2e-4, 5e-4),
}


@dataclass(frozen=True)
class Row:
    """What was said of one object on one frame, and whether it was tracked there."""

    event: int
    frame: int
    object_id: int
    tracked: bool
    values: dict[str, np.ndarray]

    def off_by(self, vectors: dict[str, np.ndarray]) -> list[str]:
        """Say what is not as recorded."""
        where = f"e{self.event}, frame {self.frame}, object {self.object_id}"
        expected = self._recorded(vectors)
        differences = {
            name: np.abs(self.values[name] - expected[name])
            for name in expected
            if name in self.values and not np.isnan(expected[name]).all()
        }
        worst = {name: float(each.max()) for name, each in differences.items()}
        worst |= {f"{n}, mean": float(differences[n].mean()) for n in ("low", "vid")}
        return [
            f"{where}: {name} off by {value:.2g}"
            for name, value in worst.items()
            if not value <= _LIMITS[name][self.tracked]
        ]

    def _recorded(self, vectors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        start = f"e{self.event}_"
        here = (vectors[start + "frame"] == self.frame) & (
            vectors[start + "obj"] == self.object_id
        )
        (row,) = np.flatnonzero(here)
        names = ("low", "vid", "npos", "score", "ptr", "mem")
        recorded = {name: vectors[start + name][row] for name in names}
        # All hypotheses were recorded; ours is the best of them, or the only one.
        return recorded | {"iou": np.nanmax(vectors[start + "ious"][row])}


class Replay:
    """One recorded run, on our engine through SAM 2's calls."""

    def __init__(self, predictor: VideoPredictor, name: str) -> None:
        self._predictor = predictor
        self.vectors, self._about = read_vectors(name)
        movie, self._labels = read_movie()
        self._state = predictor.init_state(movie[: self._about["num_frames"]])
        self._said = _listen(self._state)

    def rows(self, *, prompts_only: bool = False) -> Iterator[Row]:
        """Replay event by event."""
        for event in self._about["events"]:
            call = event["call"]
            tracking = call["fn"] == "propagate_in_video"
            if prompts_only and tracking:
                return
            if self._about["scenario"] == "b" and call["clear_old_points"]:
                self._predictor.reset_state(self._state)
            looks = [
                (frame, object_id, self._look(frame, object_id, logits[row, 0].numpy()))
                for frame, ids, logits in self._call(call)
                for row, object_id in enumerate(ids)
                if tracking or object_id == call["obj_id"]
            ]
            for frame, object_id, look in looks:
                values = look | self._remembered(frame, object_id)
                tracked = (frame, object_id) not in self._state.prompts
                yield Row(event["index"], frame, object_id, tracked, values)

    def _call(self, call: dict) -> Iterator[tuple]:
        predictor, state = self._predictor, self._state
        if call["fn"] == "propagate_in_video":
            reach = call.get("max_frame_num_to_track")
            yield from predictor.propagate_in_video(state, max_frame_num_to_track=reach)
        elif call["fn"] == "add_new_mask":
            mask = self._labels[0] == 2
            yield predictor.add_new_mask(state, call["frame_idx"], call["obj_id"], mask)
        else:
            given = ("points", "labels", "box", "clear_old_points")
            options = {name: call[name] for name in given if name in call}
            yield predictor.add_new_points_or_box(
                state, call["frame_idx"], call["obj_id"], **options
            )

    def _look(self, frame: int, object_id: int, video: np.ndarray) -> dict:
        """What is only there, or only exact, just after a frame."""
        engine = self._state.predictor
        low = engine._follower.logits(frame, engine._follower.objects[object_id])
        said = self._said[frame, object_id]
        return {
            "low": low[0, 0].numpy()[np.ix_(_SAMPLED, _SAMPLED)],
            "vid": video[::8, ::8],
            "npos": np.array(np.count_nonzero(video > 0)),
            "iou": np.array(said.predicted_iou),
            "score": np.array(said.object_score),
        }

    def _remembered(self, frame: int, object_id: int) -> dict:
        """What memory holds, once prompted frames have become memory too."""
        known = self._state.predictor._follower.objects[object_id]
        if frame in known.bank.conditioning or frame in known.bank.tracked:
            entry = known.bank[frame]
            memory = entry.features[0].float().mean(0).numpy()
            return {"ptr": entry.pointer[0].numpy(), "mem": memory}
        prediction = known.vouched[frame].prediction
        return {} if prediction is None else {"ptr": prediction.pointer[0].numpy()}


def _listen(state: InferenceState) -> dict[tuple[int, int], ObjectMask]:
    """Note predicted IoU and object score, which SAM 2's calls leave out."""
    said: dict[tuple[int, int], ObjectMask] = {}
    engine = state.predictor
    segment, track = engine.segment, engine.track

    def heard_segment(frame: int, object_id: int, *rest, **named) -> ObjectMask:
        said[frame, object_id] = segment(frame, object_id, *rest, **named)
        return said[frame, object_id]

    def heard_track(frame: int, *rest, **named) -> dict[int, ObjectMask]:
        masks = track(frame, *rest, **named)
        said.update({(frame, object_id): mask for object_id, mask in masks.items()})
        return masks

    engine.segment, engine.track = heard_segment, heard_track
    return said
