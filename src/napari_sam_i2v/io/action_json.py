"""Actions of a session as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_sam_i2v.io.prompt_json import prompt_from_json, prompt_to_json
from napari_sam_i2v.session.actions import (
    Action,
    AddPrompts,
    Approve,
    Clear,
    Propagate,
    Redo,
    Remove,
    Unapprove,
    Undo,
)


def action_to_json(action: Action) -> dict[str, Any]:
    """Turn an action into plain values."""
    match action:
        case AddPrompts():
            prompts = [prompt_to_json(prompt) for prompt in action.prompts]
            return {"action": "prompts", "prompts": prompts}
        case Clear():
            place = {"frame": action.frame, "object_id": action.object_id}
            return {"action": "clear", **place}
        case Remove():
            return {"action": "remove", "object_id": action.object_id}
        case Propagate():
            return {
                "action": "propagate",
                "start": action.start,
                "stop": action.stop,
                "direction": action.direction,
                "objects": list(action.objects),
                "steps": action.steps,
            }
        case Approve() | Unapprove():
            name = "approve" if isinstance(action, Approve) else "unapprove"
            frames = list(action.frames)
            return {"action": name, "object_id": action.object_id, "frames": frames}
        case Undo():
            return {"action": "undo"}
        case Redo():
            return {"action": "redo"}


def action_from_json(entry: Mapping[str, Any]) -> Action:
    """Turn plain values back into an action.

    Raises
    ------
    KeyError, TypeError, ValueError
        If they are not what `action_to_json` gives.
    """
    match entry["action"]:
        case "prompts":
            prompts = tuple(prompt_from_json(prompt) for prompt in entry["prompts"])
            return AddPrompts(prompts=prompts)
        case "clear":
            return Clear(frame=int(entry["frame"]), object_id=int(entry["object_id"]))
        case "remove":
            return Remove(object_id=int(entry["object_id"]))
        case "propagate":
            return Propagate(
                start=int(entry["start"]),
                stop=int(entry["stop"]),
                direction=entry["direction"],
                objects=tuple(int(object_id) for object_id in entry["objects"]),
                steps=int(entry["steps"]),
            )
        case "approve" | "unapprove" as name:
            kind = Approve if name == "approve" else Unapprove
            frames = tuple(int(frame) for frame in entry["frames"])
            return kind(object_id=int(entry["object_id"]), frames=frames)
        case "undo":
            return Undo()
        case "redo":
            return Redo()
        case name:
            raise ValueError(f"there is no action {name!r}")
