"""Divisions: where a cell has become two, the one that it was is gone.

The network follows on with one of the daughters. It is told from the rest of the cell
by its sister: a body beside it, of like size, that was not there before or was part of
the mother. Or it goes on with both, in a mask of two parts, frame after frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from napari_sam_i2v.inference.objects import ObjectState
from napari_sam_i2v.inference.prompting import answer_points, known_logits
from napari_sam_i2v.inference.viewing import Viewing
from napari_sam_i2v.masklets import ObjectMask
from napari_sam_i2v.model.sam_i2v import SamI2V
from napari_sam_i2v.prompts import MaskPrompt, PointPrompt, Prompt
from napari_sam_i2v.views import Extent, View, extent_of_mask

VACATED = 0.25
"""Share of its former mask that a cell must have left to be looked at more closely."""
UNSURE = 3.5
"""Object score below which it is: of cells that divide, the network is less sure."""
SMALLER = 0.8
"""Share of its area on the frame before below which it is, however sure that is."""
SHRUNKEN = 0.7
"""Share of its former area below which it is, too, where its mask is in one part."""
IN_TWO = 0.5
"""Area of the second part in areas of the first from which on a mask is both."""
ON_THE_WAY = 33
"""Places between two parts where another cell is looked for."""
AROUND, FAR = 8, (1.0, 1.5)
"""Places around a daughter where to glance for her sister; how many diameters off."""
GLANCE = 0.45
"""Predicted IoU that a glance must have to be followed by a closer look."""
LOOKS = 3
"""How many places are looked at more closely."""
LIKE_SIZE = (0.4, 2.5)
"""Area of the sister in areas of the other daughter."""
APART = 0.05
"""Share of the smaller daughter up to which the two may overlap."""
CLEAR = 0.6
"""Predicted IoU that the sister must have."""
FROM_MOTHER = 0.3
"""Share of the sister, followed back, that must lie in the mother wherever it is."""
ONE, ALL_OF_HER = 0.3, 0.5
"""IoU with the other daughter, or with the mother, above which it is the same cell."""
UNCHANGED = 0.8
"""IoU with the mother from which on the other daughter, followed back, is her."""
BACK = 4
"""How many frames the two are followed back, and the mother is looked for."""
_SCOUTS = (-1, -2)


@dataclass(frozen=True)
class Body:
    """A mask in the frame.

    Attributes
    ----------
    pixels
        Their numbers in the frame, sorted.
    extent
        Where it is.
    """

    pixels: NDArray[np.intp]
    extent: Extent

    @classmethod
    def of(
        cls, mask: NDArray[np.bool_], offset: tuple[int, int], width: int
    ) -> Body | None:
        """Place a mask crop in a frame of a width; ``None`` if it is empty."""
        extent = extent_of_mask(mask, offset)
        if extent is None:
            return None
        y, x = np.nonzero(mask)
        return cls((y + offset[0]) * width + x + offset[1], extent)

    @property
    def area(self) -> int:
        """Pixels."""
        return self.pixels.size

    def mask(self, width: int) -> tuple[NDArray[np.bool_], tuple[int, int]]:
        """Give the mask's crop of a frame of a width, and its first pixel's ``yx``."""
        y, x = np.divmod(self.pixels, width)
        crop = np.zeros((np.ptp(y) + 1, np.ptp(x) + 1), bool)
        crop[y - y.min(), x - x.min()] = True
        return crop, (int(y.min()), int(x.min()))

    def shared(self, other: Body) -> int:
        """Pixels that it has in common with another."""
        return np.intersect1d(self.pixels, other.pixels, assume_unique=True).size

    def likeness(self, other: Body) -> float:
        """Give the IoU with another."""
        shared = self.shared(other)
        return shared / (self.area + other.area - shared)


class Scout(Protocol):
    """The engine, as far as it is needed to follow daughters back.

    They go by numbers that no object has.
    """

    interrupted: Callable[[], bool]

    def segment(
        self, frame: int, object_id: int, prompts: Sequence[Prompt]
    ) -> ObjectMask:
        """Answer all prompts of an object on a frame."""
        ...

    def follow(
        self, frame: int, object_ids: Sequence[int], *, reverse: bool
    ) -> dict[int, ObjectMask]:
        """Find a few objects on a frame, whatever is around them."""
        ...

    def forget(self, object_id: int) -> None:
        """Forget an object."""
        ...


class DivisionFinder:
    """Looks for the sisters of cells that are followed.

    Parameters
    ----------
    model, viewing
        The network and how it looks.
    shape
        ``(Y, X)`` of a frame.
    """

    def __init__(self, model: SamI2V, viewing: Viewing, shape: tuple[int, int]) -> None:
        self.model = model
        self._viewing = viewing
        self._shape = shape

    def looks_twice(self, now: ObjectMask, state: ObjectState) -> bool:
        """Whether a cell may be dividing: it is smaller, or the network is unsure."""
        if self._viewing.shared or now.object_score <= 0:
            return False
        last = state.sightings[state.behind(now.frame, reverse=False)]
        return now.object_score < UNSURE or now.area < SMALLER * last.area

    def divided(
        self,
        engine: Scout,
        now: ObjectMask,
        view: View,
        state: ObjectState,
        everyone: Sequence[ObjectMask],
    ) -> bool:
        """Whether what a cell is followed to is but one of its daughters.

        Parameters
        ----------
        engine
            Follows the daughters back.
        now
            Where the cell was followed to.
        view
            Where the network looked.
        state
            What is known of it on the frames before.
        everyone
            Where all cells were followed to.
        """
        whole = Body.of(now.mask, now.offset, self._shape[1])
        mother = self._mother(state, now.frame)
        if whole is None or mother is None:
            return False
        parts = _largest_parts(now.mask, now.offset, self._shape[1])
        if (
            now.object_score < UNSURE
            and _is_both(parts)
            and not _parted_by(everyone, parts, now.object_id)
        ):
            before = [self._is_both_on(state, now.frame - back) for back in (1, 2, 3)]
            if before[0] and False in before:  # in two again, and once in one
                return True
        if whole.shared(mother) > (1 - VACATED) * mother.area:
            return False
        if len(parts) == 1 and whole.area > SHRUNKEN * mother.area:
            return False
        daughter = parts[0]
        for sister in self._beside(now.frame, view, parts, mother):
            like = LIKE_SIZE[0] < sister.area / daughter.area < LIKE_SIZE[1]
            smaller = min(sister.area, daughter.area)
            apart = sister.shared(daughter) < APART * smaller
            if not (like and apart):
                continue
            pair = [
                _given(body, now.frame, number, self._shape[1])
                for number, body in zip(_SCOUTS, (sister, daughter), strict=True)
            ]
            if self._parted(engine, pair, state):
                return True
        return False

    def _beside(
        self, frame: int, view: View, parts: Sequence[Body], mother: Body
    ) -> list[Body]:
        """Segment what may be the sister, the clearest first."""
        daughter = parts[0]
        around = self._viewing.policy.around
        size = daughter.extent.diameter
        asked = [
            (around(Extent(yx, size), given="click"), [_click(frame, yx)])
            for yx in _places(parts, mother)
            if view.shows(yx) and self._is_beside(yx, daughter)
        ]
        # A glance at a daughter's size, then a closer look at what there is.
        closer: list[tuple[View, list[PointPrompt]]] = []
        glanced: list[Body] = []
        for body, click in self._clear(frame, asked, GLANCE):
            smaller = min(body.area, daughter.area)
            is_new = all(body.likeness(other) < ONE for other in glanced)
            if is_new and body.shared(daughter) < ONE * smaller and len(closer) < LOOKS:
                glanced.append(body)
                closer.append((around(body.extent, given="click"), click))
        return [body for body, _ in self._clear(frame, closer, CLEAR)]

    def _clear(
        self,
        frame: int,
        asked: Sequence[tuple[View, list[PointPrompt]]],
        iou: float,
    ) -> list[tuple[Body, list[PointPrompt]]]:
        """Give what clicks answer with a predicted IoU, the highest first."""
        if not asked:
            return []
        answers = answer_points(self.model, self._viewing, frame, asked)
        clear = [
            (float(answer.iou[0]), self._place(answer.logits, view), click)
            for (view, click), answer in zip(asked, answers, strict=True)
            if float(answer.iou[0]) > iou and float(answer.score[0, 0]) > 0
        ]
        clear.sort(key=itemgetter(0), reverse=True)
        return [(body, click) for _, body, click in clear if body is not None]

    def _parted(
        self, engine: Scout, pair: Sequence[MaskPrompt], state: ObjectState
    ) -> bool:
        """Whether a sister, followed back with the other one, comes to be one with her.

        Or is found no more. Neighbours stay two, or come from outside of the mother.
        """
        frame = pair[0].frame
        try:
            for each in pair:
                engine.segment(frame, each.object_id, [each])
            for earlier in range(frame - 1, max(frame - 1 - BACK, -1), -1):
                found = engine.follow(earlier, _SCOUTS, reverse=True)
                mother = self._body(state, earlier)
                if mother is None:
                    continue
                back, other = (
                    Body.of(found[i].mask, found[i].offset, self._shape[1])
                    for i in _SCOUTS
                )
                if back is None:
                    # A newcomer, if the other one was all of the mother before.
                    return other is None or other.likeness(mother) < UNCHANGED
                if back.shared(mother) < FROM_MOTHER * back.area:
                    return False
                if back.likeness(mother) > ALL_OF_HER:
                    return True
                if other is not None and back.likeness(other) > ONE:
                    return True
            return False
        finally:
            for each in pair:
                engine.forget(each.object_id)

    def _is_both_on(self, state: ObjectState, frame: int) -> bool | None:
        """Whether a mask was of two parts; ``None`` where it is not known."""
        body = self._body(state, frame)
        if body is None:
            return None
        return _is_both(_largest_parts(*body.mask(self._shape[1]), self._shape[1]))

    def _mother(self, state: ObjectState, frame: int) -> Body | None:
        """Give a cell's last mask before a frame, where it would be there."""
        frames = range(frame - 1, frame - 1 - BACK, -1)
        bodies = (self._body(state, earlier, on=frame) for earlier in frames)
        return next((body for body in bodies if body is not None), None)

    def _body(
        self, state: ObjectState, frame: int, *, on: int | None = None
    ) -> Body | None:
        """Give an object's mask on a frame, if it is known and not empty.

        Or where that lies on another frame, if the picture jumped until then.
        """
        logits = known_logits(self.model, self._viewing, state, frame, self._shape)
        if logits is None:
            return None
        view = state.sightings[frame].view
        if on is not None:
            view = view.moved(self._viewing.carried_along(view, frame, on))
        return self._place(logits, view)

    def _place(self, logits: Tensor, view: View) -> Body | None:
        offset, crop = self._viewing.paste(logits[0, 0], view)
        return Body.of(crop > 0, offset, self._shape[1])

    def _is_beside(self, yx: tuple[float, float], body: Body) -> bool:
        y, x = (round(at) for at in yx)
        inside = 0 <= y < self._shape[0] and 0 <= x < self._shape[1]
        return inside and y * self._shape[1] + x not in body.pixels


def _click(frame: int, yx: tuple[float, float]) -> PointPrompt:
    return PointPrompt(frame=frame, object_id=1, yx=yx)


def _given(body: Body, frame: int, number: int, width: int) -> MaskPrompt:
    mask, offset = body.mask(width)
    return MaskPrompt(frame=frame, object_id=number, mask=mask, offset=offset)


def _places(parts: Sequence[Body], mother: Body) -> list[tuple[float, float]]:
    """Say where the sister may be: daughters part to opposite sides, mostly."""
    daughter = parts[0].extent
    (y, x), (from_y, from_x) = daughter.centre, mother.extent.centre
    places = [
        (from_y + far * (from_y - y), from_x + far * (from_x - x)) for far in (1.0, 1.6)
    ]
    places += [part.extent.centre for part in parts[1:]]
    if sum(part.area for part in parts) > SMALLER * mother.area:
        return places
    for row, far in enumerate(FAR):
        turns = 2 * np.pi * (np.arange(AROUND) + row / 2) / AROUND
        ring = daughter.diameter * far * np.stack([np.sin(turns), np.cos(turns)], 1)
        off = np.hypot(*(ring + daughter.centre - mother.extent.centre).T)
        near = ring[off < mother.extent.diameter] + daughter.centre
        places += [(float(y), float(x)) for y, x in near]
    return places


def _is_both(parts: Sequence[Body]) -> bool:
    """Whether a mask is of both daughters: it has two parts of like size."""
    return len(parts) > 1 and parts[1].area > IN_TWO * parts[0].area


def _parted_by(
    everyone: Sequence[ObjectMask], parts: Sequence[Body], object_id: int
) -> bool:
    """Whether another cell lies between the two parts of a mask: it crosses it."""
    first, second = (np.array(part.extent.centre) for part in parts[:2])
    line = first + np.linspace(0, 1, ON_THE_WAY)[:, None] * (second - first)
    for other in everyone:
        if other.object_id == object_id:
            continue
        yx = np.rint(line).astype(int) - other.offset
        inside = ((yx >= 0) & (yx < other.mask.shape)).all(axis=1)
        if other.mask[tuple(yx[inside].T)].any():
            return True
    return False


def _largest_parts(
    mask: NDArray[np.bool_], offset: tuple[int, int], width: int
) -> list[Body]:
    """Give what hangs together in a mask, the largest first, two at most."""
    numbered, _ = ndimage.label(mask)
    areas = np.bincount(numbered.ravel())[1:]
    largest = 1 + np.argsort(-areas, kind="stable")[:2]
    parts = (Body.of(numbered == number, offset, width) for number in largest)
    return [part for part in parts if part is not None]
