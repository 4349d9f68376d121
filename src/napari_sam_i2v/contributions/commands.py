"""Commands of the command palette: each calls one method of the open annotator."""

from __future__ import annotations

from collections.abc import Callable

from napari_sam_i2v.errors import InputError

ADVICE = "open Plugins > SAM-I2V > Segment & track first"


def _command(method: str) -> Callable[[], None]:
    """Make a command of a method without arguments."""

    def run() -> None:
        import napari
        from napari.utils.notifications import show_warning

        from napari_sam_i2v import annotator

        viewer = napari.current_viewer()
        found = None if viewer is None else annotator.of(viewer)
        if found is None:
            show_warning(ADVICE)
            return
        try:
            getattr(found, method)()
        except InputError as error:
            show_warning(str(error))

    run.__name__ = run.__qualname__ = method
    return run


def start() -> None:
    """Open the tracking widget and start it on the viewer's movie."""
    import napari
    from napari.utils.notifications import show_warning

    import napari_sam_i2v

    viewer = napari.current_viewer()
    if viewer is None:
        return
    try:
        napari_sam_i2v.annotate(viewer)
    except InputError as error:
        show_warning(str(error))


new_object = _command("new_object")
toggle_polarity = _command("toggle_polarity")
look_at_worst = _command("look_at_worst")
propagate = _command("propagate")
propagate_selected = _command("propagate_selected")
correct_forward = _command("correct_forward")
correct_backward = _command("correct_backward")
cancel = _command("cancel")
approve_frame = _command("approve_frame")
approve_until_here = _command("approve_until_here")
unapprove_frame = _command("unapprove_frame")
delete_object = _command("delete_object")
merge_objects = _command("merge_objects")
split_object = _command("split_object")
end_object = _command("end_object")
undo = _command("undo")
redo = _command("redo")
next_object = _command("next_object")
previous_object = _command("previous_object")
save = _command("save")
show_keys = _command("show_keys")
