"""Commands of the command palette: each does what a key or button does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari_sam_i2v.errors import InputError

ADVICE = "open Plugins > SAM-I2V > Segment & track first"


def _advise(action: Callable[[Any], Any]) -> None:
    """Do something with the viewer, if there is one; errors become notifications."""
    import napari
    from napari.utils.notifications import show_warning

    viewer = napari.current_viewer()
    try:
        if viewer is None:
            raise InputError(ADVICE)
        action(viewer)
    except InputError as error:
        show_warning(str(error))


def _command(method: str, *arguments: Any) -> Callable[[], None]:
    """Make a command of a method of the annotator."""

    def act(viewer: Any) -> None:
        from napari_sam_i2v import annotator

        found = annotator.of(viewer)
        if found is None:
            raise InputError(ADVICE)
        getattr(found, method)(*arguments)

    return lambda: _advise(act)


def _start(viewer: Any) -> None:
    import napari_sam_i2v

    napari_sam_i2v.annotate(viewer)


def start() -> None:
    """Open the tracking widget and start it on the viewer's movie."""
    _advise(_start)


click = _command("set_mode", "points")
draw_boxes = _command("set_mode", "boxes")
paint = _command("set_mode", "masks")
correct_by_painting = _command("set_mode", "masklets")
take_active_layer = _command("take_active_layer")
new_object = _command("new_object")
toggle_polarity = _command("toggle_polarity")
next_object = _command("next_object")
previous_object = _command("previous_object")
look_at_worst = _command("look_at_worst")
propagate = _command("propagate")
propagate_selected = _command("propagate_selected")
correct_forward = _command("correct_forward")
correct_backward = _command("correct_backward")
cancel = _command("cancel")
approve_frame = _command("approve_frame")
approve_until_here = _command("approve_until_here")
approve_all = _command("approve_all")
unapprove_frame = _command("unapprove_frame")
unapprove_all = _command("unapprove_all")
delete_object = _command("delete_object")
merge_objects = _command("merge_objects")
split_object = _command("split_object")
end_object = _command("end_object")
hide = _command("hide")
show_all = _command("show_all")
undo = _command("undo")
redo = _command("redo")
save = _command("save")
show_keys = _command("show_keys")

rename = _command("ask", "rename")
colour = _command("ask", "colour")
save_as = _command("ask", "save")
open_session = _command("ask", "open")
export = _command("ask", "export")
stop = _command("ask", "stop")
