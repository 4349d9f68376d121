"""What a person draws, paints and moves in the layers, as prompts; and back."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from napari.utils.notifications import show_warning

from napari_sam_i2v.annotator.reading import (
    Place,
    Places,
    by_place,
    read_mask,
    say_the_same,
    together,
)
from napari_sam_i2v.annotator.strokes import painted_prompts
from napari_sam_i2v.annotator.verbs import AnnotatorVerbs
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.prompts import MaskPrompt


class AnnotatorDrawing(AnnotatorVerbs):
    """The part of an annotator that reads the layers and writes them back."""

    _is_behind = False
    """Whether the layers could not be written because a shape was drawn."""

    def _prompts_changed(self, event: Any = None) -> None:
        action = getattr(getattr(event, "action", None), "value", "changed")
        if self.layers.writing or action in ("adding", "changing", "removing"):
            return
        try:
            drawn = by_place(self.layers.prompts())
        except InputError as error:
            show_warning(str(error))
            return
        now = self._read(drawn)
        self._outlined = {
            place
            for place, prompts in drawn.items()
            if any(isinstance(one, MaskPrompt) for one in prompts)
        }
        places = [*now, *(p for p in self._known if p not in now)]
        self._send_all(
            {
                place: now.get(place, ())
                for place in places
                if not say_the_same(now.get(place, ()), self._known.get(place, ()))
            }
        )
        if self._is_behind:
            self.jobs.post(self._catch_up)  # napari may not be done with the shape yet

    def _read(self, drawn: Places) -> Places:
        """Join what points and shapes ask for with the masks that were painted.

        A mask may be covered by another's in the layer of mask prompts, so those that
        are no shape's are taken as they are known. Where an outline has gone, what was
        painted before it counts again.
        """
        masks: dict[Place, tuple[MaskPrompt, ...]] = {}
        for place, prompts in self._known.items():
            if place not in self._outlined:
                found = [one for one in prompts if isinstance(one, MaskPrompt)]
                masks[place] = tuple(found)
            elif place not in drawn:
                painted = read_mask(self.layers.painted[place[0]], *place)
                masks[place] = () if painted is None else (painted,)
        places = [*masks, *(one for one in drawn if one not in masks)]
        read = {p: together(masks.get(p, ()), drawn.get(p, ())) for p in places}
        return {place: prompts for place, prompts in read.items() if prompts}

    def _strokes(self, event: Any, stack: np.ndarray) -> dict[Place, MaskPrompt | None]:
        data, axis = self.geometry.as_layer(stack), self.geometry.tyx[0]
        return painted_prompts(event.value, data, stack, axis)

    def _masks_painted(self, event: Any) -> None:
        """A stroke on the mask prompts."""
        if self.layers.writing:
            return
        drawn = by_place(self.layers.prompts())
        self._send_all(
            {
                place: together([mask] if mask else [], drawn.get(place, ()))
                for place, mask in self._strokes(event, self.layers.painted).items()
            }
        )

    def _masklets_painted(self, event: Any) -> None:
        """A stroke on the masklets corrects that frame, as a mask would."""
        if self.layers.writing:
            return
        changed: Places = {}
        for place, mask in self._strokes(event, self.layers.stack).items():
            if mask is None:
                show_warning(
                    f"object {place[1]} is erased from frame {place[0]} altogether: "
                    "use 'End here' where a cell is gone; its mask is back"
                )
                self._submit(partial(self.desk.repaint, place[0]))
                continue
            changed[place] = (mask,)
        # What was clicked before led to the masks that were painted over.
        self._lay_out(changed)
        self._send_all(changed)

    def _put_back(self, places: Places) -> None:
        if self.layers.is_drawing:
            self._is_behind = True  # napari draws on in the row that it began
            return
        now = dict(places)
        changed: Places = {}
        for place in [*places, *(p for p in self._known if p not in places)]:
            if self._unanswered[place]:
                now[place] = self._known.get(place, ())
                continue
            prompts = places.get(place, ())
            if not say_the_same(prompts, self._known.get(place, ())):
                changed[place] = prompts
        self._lay_out(changed)
        self._known = {place: prompts for place, prompts in now.items() if prompts}

    def _catch_up(self) -> None:
        """Have the layers say what they could not while a shape was drawn."""
        if self._is_behind and not self.layers.is_drawing:
            self._is_behind = False
            self._resync()
