"""Keys of an annotator: bound on the viewer while it is open, given back after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import napari


@dataclass(frozen=True)
class Key:
    """A key and what it does.

    Attributes
    ----------
    key
        As napari writes it.
    method
        Method of the annotator, without arguments.
    text
        What it does, for tooltips and the sheet of keys.
    """

    key: str
    method: str
    text: str


# Letters that neither the viewer nor Points, Shapes, Labels or Image layers use.
KEYS = (
    Key("N", "new_object", "New object: the next click is another cell"),
    Key("Q", "toggle_polarity", "Switch between 'this is it' and 'this is not'"),
    Key(",", "previous_object", "Previous object"),
    Key(".", "next_object", "Next object"),
    Key("B", "look_at_worst", "Go to the mask that the network trusts least"),
    Key("W", "propagate", "Propagate all objects"),
    Key("Shift-W", "propagate_selected", "Propagate the selected objects"),
    Key("G", "correct_forward", "Track the object again from here, forward"),
    Key("Shift-G", "correct_backward", "Track the object again from here, backward"),
    Key("K", "cancel", "Cancel, keeping what is done"),
    Key("Y", "approve_frame", "Approve the object on this frame (it is locked)"),
    Key("Shift-Y", "unapprove_frame", "Take the approval back"),
    Key("J", "end_object", "End the object: it is gone from this frame on"),
    Key("Shift-J", "split_object", "Split: from this frame on it is another cell"),
    Key("Shift-M", "merge_objects", "Merge the selected objects"),
    Key("Shift-D", "delete_object", "Delete the selected objects"),
    Key("U", "undo", "Undo"),
    Key("Shift-U", "redo", "Redo"),
    Key("H", "show_keys", "Show these keys"),
)


def key_of(method: str) -> str:
    """Name the key of a method, for a tooltip; empty where it has none."""
    return next((key.key for key in KEYS if key.method == method), "")


class BoundKeys:
    """Keys bound on a viewer.

    Parameters
    ----------
    viewer
        Where they are bound; what was bound there before comes back with `release`.
    target
        Whose methods they call.
    """

    def __init__(self, viewer: napari.Viewer, target: object) -> None:
        self._viewer = viewer
        self._before: dict[Any, Any] = dict(viewer.keymap)
        for key in KEYS:
            viewer.bind_key(key.key, _calling(target, key.method), overwrite=True)
        self._ours = {
            bound: callback
            for bound, callback in viewer.keymap.items()
            if self._before.get(bound) is not callback
        }

    def release(self) -> None:
        """Give the keys back."""
        for bound, callback in self._ours.items():
            if self._viewer.keymap.get(bound) is callback:
                del self._viewer.keymap[bound]
                if bound in self._before:
                    self._viewer.keymap[bound] = self._before[bound]
        self._ours = {}


def _calling(target: object, method: str) -> Callable[[Any], None]:
    def call(_viewer: Any) -> None:
        getattr(target, method)()

    call.__name__ = method
    return call
