"""Keys of an annotator: bound on the viewer while it is open, given back after."""

from __future__ import annotations

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


# What neither the viewer nor Points, Shapes or Labels layers use: a layer's keys come
# first. Image layers use Y, but only to turn a plane in 3D.
KEYS = (
    Key("N", "new_object", "New object: the next click is another cell"),
    Key("Q", "toggle_polarity", "Switch between 'this is it' and 'this is not'"),
    Key(",", "previous_object", "Previous object"),
    Key(".", "next_object", "Next object"),
    Key("Shift-B", "look_at_worst", "Go to the mask that the network trusts least"),
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
        Where they are bound; what was bound there before comes back with `release`,
        but for keys that were released meanwhile.
    target
        Whose methods they call.
    """

    def __init__(self, viewer: napari.Viewer, target: object) -> None:
        self._viewer = viewer
        before = dict(viewer.keymap)
        for key in KEYS:
            viewer.bind_key(key.key, _Bound(target, key.method), overwrite=True)
        self._ours: dict[Any, _Bound] = {
            bound: callback
            for bound, callback in viewer.keymap.items()
            if before.get(bound) is not callback
        }
        for bound, callback in self._ours.items():
            callback.before = before.get(bound)

    def release(self) -> None:
        """Give the keys back."""
        for bound, callback in self._ours.items():
            callback.released = True
            if self._viewer.keymap.get(bound) is not callback:
                continue  # others were bound since; they give back what was before us
            del self._viewer.keymap[bound]
            before = callback.before
            while isinstance(before, _Bound) and before.released:
                before = before.before
            if before is not None:
                self._viewer.keymap[bound] = before
        self._ours = {}


class _Bound:
    """What a key calls; knows what it called before."""

    def __init__(self, target: object, method: str) -> None:
        self.__name__ = method
        self._target, self._method = target, method
        self.before: Any = None
        self.released = False

    def __call__(self, _viewer: Any) -> None:
        getattr(self._target, self._method)()
