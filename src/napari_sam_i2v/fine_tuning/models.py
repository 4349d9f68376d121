"""Fine-tuned models: folders with a description, weights and a card."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from napari_sam_i2v import __version__
from napari_sam_i2v.backends import bundled_names, model_file
from napari_sam_i2v.checkpoints import (
    CONFIG_FILE,
    KNOWN_WEIGHTS,
    MODEL_NAME,
    WEIGHTS_FILE,
    find_weights,
    fine_tuned_names,
    models_folder,
)
from napari_sam_i2v.config import from_mapping, read_yaml
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.disk import replacing_folder
from napari_sam_i2v.session.settings import DEFAULT_MODEL

CARD_FILE = "card.json"
# Windows makes devices, not files, of these, whatever follows the dot.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What is known of a fine-tuned model.

    Attributes
    ----------
    base, data, part
        Model it began as, what it learned from, what was trained.
    steps, seed, date
        How long, with which seed, and the day it ended (ISO).
    held_out
        Whether the scores are of cells that it did not learn from.
    scores, scores_before
        Figures of the last validation and of the one before training, such as
        ``mask/J``: mean IoU of held-out cells followed from a mask.
    version
        Of this package.
    """

    base: str
    data: str
    part: str
    steps: int
    seed: int
    date: str
    held_out: bool = True
    scores: dict[str, float | None] = field(default_factory=dict)
    scores_before: dict[str, float | None] = field(default_factory=dict)
    version: str = __version__

    @property
    def verdict(self) -> str:
        """How it compares with the model it began as, in a few words."""
        now, before = (s.get("mask/J") for s in (self.scores, self.scores_before))
        if now is None or before is None:
            return "not scored"
        text = f"J {before:.3f} → {now:.3f}"
        return text if now >= before else f"{text}, worse than {self.base}"


def describe_model(name: str) -> str:
    """Say in a line what a model is, by its name."""
    if name in KNOWN_WEIGHTS:
        if find_weights(name) is None:
            return f"its weights are not on disk: sam-i2v models info {name}"
        own = name == DEFAULT_MODEL
        return "small, comes with the plugin" if own else "the released network"
    try:
        card = read_card(name)
    except InputError as error:
        return str(error)
    return f"{card.base} tuned on {Path(card.data).name}: {card.verdict}"


def check_name(name: str, *, new: bool = True) -> None:
    """Refuse a name that no fine-tuned model can have.

    Parameters
    ----------
    name
        The name.
    new
        Whether there must be no such model yet.

    Raises
    ------
    InputError
        If it holds odd characters or is taken.
    """
    if not MODEL_NAME.fullmatch(name) or _DEVICES.fullmatch(name) or name.endswith("."):
        raise InputError(
            f"{name!r} is no name for a model; use letters, digits, dots, dashes and "
            "underscores, a letter or digit first, at most 64"
        )
    if name.lower().endswith((".yaml", ".yml")):
        raise InputError(f"{name!r} looks like a file; leave its ending off")
    # Case does not tell files apart on every system.
    if name.lower() in (known.lower() for known in bundled_names()):
        raise InputError(f"{name} comes with the package; choose another name")
    if new and name.lower() in (known.lower() for known in fine_tuned_names()):
        raise InputError(f"there is a model {name}; choose another name, or delete it")


def keep_model(
    name: str, weights: Path, card: ModelCard, records: Sequence[Path] = ()
) -> Path:
    """Make a run's weights a model that can be asked for by name.

    Parameters
    ----------
    name
        Of the model.
    weights
        File of weights of the architecture of ``card.base``.
    card
        Where they come from.
    records
        More files to keep with the model, such as its log.

    Returns
    -------
    pathlib.Path
        The model's folder; it appears when it is whole.
    """
    check_name(name)
    if not weights.is_file():
        raise InputError(f"{weights} is not there; train for a while first")
    description = {**read_yaml(model_file(card.base)), "name": name}
    folder = models_folder() / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with replacing_folder(folder) as part:
        part.mkdir()
        shutil.copyfile(weights, part / WEIGHTS_FILE)
        for record in records:
            shutil.copyfile(record, part / record.name)
        text = yaml.safe_dump(description, sort_keys=False)
        (part / CONFIG_FILE).write_text(text, encoding="utf-8")
        content = json.dumps(dataclasses.asdict(card), indent=2)
        (part / CARD_FILE).write_text(content, encoding="utf-8")
    return folder


def read_card(name: str) -> ModelCard:
    """Read the card of a fine-tuned model.

    Raises
    ------
    InputError
        If there is no such model, or its card is damaged.
    """
    _check_known(name)
    path = models_folder() / name / CARD_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    return from_mapping(ModelCard, content, where=str(path))


def delete_model(name: str) -> None:
    """Delete a fine-tuned model; bundled ones cannot be."""
    check_name(name, new=False)
    _check_known(name)
    shutil.rmtree(models_folder() / name)


def _check_known(name: str) -> None:
    if name not in fine_tuned_names():
        known = ", ".join(fine_tuned_names()) or "none yet"
        raise InputError(f"no fine-tuned model is called {name!r}; known: {known}")
