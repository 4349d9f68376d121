"""Actions of a session as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from napari_sam_i2v.io.prompt_json import prompt_from_json, prompt_to_json
from napari_sam_i2v.prompts import Prompt
from napari_sam_i2v.session.actions import (
    Action,
    AddPrompts,
    Approve,
    Clear,
    Propagate,
    Redo,
    Remove,
    Restyle,
    Revise,
    Style,
    Unapprove,
    Undo,
)


def action_to_json(action: Action) -> dict[str, Any]:
    """Turn an action into plain values."""
    match action:
        case AddPrompts():
            name = "replace" if action.replace else "prompts"
            return {"action": name, "prompts": _prompts_to_json(action.prompts)}
        case Clear():
            return {"action": "clear", "places": _lists(action.places)}
        case Remove():
            return {"action": "remove", "object_ids": list(action.object_ids)}
        case Revise():
            return {
                "action": "revise",
                "ended": _lists(action.ended),
                "moved": _lists(action.moved),
                "approved": _lists(action.approved),
                "prompts": _prompts_to_json(action.prompts),
            }
        case Restyle():
            styles = [
                {"object_id": object_id, **asdict(style)}
                for object_id, style in action.styles
            ]
            return {"action": "style", "styles": styles}
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
            return {"action": name, "places": _lists(action.places)}
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
        case "prompts" | "replace" as name:
            prompts = _prompts_from_json(entry["prompts"])
            return AddPrompts(prompts=prompts, replace=name == "replace")
        case "clear":
            # Before there were several, one place was written without a list.
            places = entry.get("places") or [[entry["frame"], entry["object_id"]]]
            return Clear(places=tuple(_integers(place, 2) for place in places))
        case "remove":
            object_ids = entry.get("object_ids") or [entry["object_id"]]
            return Remove(object_ids=_integers(object_ids))
        case "propagate":
            return Propagate(
                start=int(entry["start"]),
                stop=int(entry["stop"]),
                direction=entry["direction"],
                objects=_integers(entry["objects"]),
                steps=int(entry["steps"]),
            )
        case "approve" | "unapprove" as name:
            kind = Approve if name == "approve" else Unapprove
            # Before there were several objects, one was written with its frames.
            places = entry.get("places") or [
                [frame, entry["object_id"]] for frame in entry["frames"]
            ]
            return kind(places=tuple(_integers(place, 2) for place in places))
        case "revise":
            return Revise(
                ended=tuple(_integers(each, 2) for each in entry["ended"]),
                moved=tuple(_integers(each, 3) for each in entry["moved"]),
                approved=tuple(_integers(each, 2) for each in entry["approved"]),
                prompts=_prompts_from_json(entry["prompts"]),
            )
        case "style":
            # Before there were several, one was written without a list.
            styles = entry.get("styles") or [entry]
            return Restyle(
                styles=tuple((int(s["object_id"]), _style(s)) for s in styles)
            )
        case "undo":
            return Undo()
        case "redo":
            return Redo()
        case name:
            raise ValueError(f"there is no action {name!r}")


def _prompts_to_json(prompts: Iterable[Prompt]) -> list[dict[str, Any]]:
    return [prompt_to_json(prompt) for prompt in prompts]


def _prompts_from_json(entries: Iterable[Mapping[str, Any]]) -> tuple[Prompt, ...]:
    return tuple(prompt_from_json(entry) for entry in entries)


def _style(entry: Mapping[str, Any]) -> Style:
    # Before objects could be hidden, it was not written.
    hidden = bool(entry.get("hidden", False))
    return Style(name=entry["name"], colour=entry["colour"], hidden=hidden)


def _lists(rows: Iterable[Iterable[int]]) -> list[list[int]]:
    return [list(row) for row in rows]


def _integers(values: Sequence[Any], length: int | None = None) -> Any:
    if length not in (None, len(values)):
        raise ValueError(f"{values} are not {length} numbers")
    return tuple(int(value) for value in values)
