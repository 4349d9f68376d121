"""From a name or a YAML file to a model."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from napari_sam_i2v.checkpoints import fine_tuned_config
from napari_sam_i2v.config import load_yaml
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.model.config import ModelConfig
from napari_sam_i2v.model.sam_i2v import SamI2V

_CONFIGS = Path(__file__).parents[1] / "configs" / "models"


def model_names() -> list[str]:
    """Give the names of the family's members that come with the package."""
    return sorted(path.stem for path in _CONFIGS.glob("*.yaml"))


def load_model_config(name: str | Path) -> ModelConfig:
    """Read a member's description.

    Parameters
    ----------
    name
        A name of :func:`model_names` or of a fine-tuned model, or a YAML file.

    Raises
    ------
    InputError
        If there is no such member, or its description does not hold.
    """
    path = Path(name) if str(name).endswith((".yaml", ".yml")) else None
    if path is None:
        path = fine_tuned_config(str(name)) or _CONFIGS / f"{name}.yaml"
        if not path.is_file():
            known = ", ".join(model_names())
            raise InputError(
                f"no model is called {str(name)!r}; known are {known}, or give a .yaml"
            )
    try:
        return load_yaml(ModelConfig, path)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def build_model(model: str | Path | ModelConfig) -> SamI2V:
    """Build a member of the family with random weights, in eval mode.

    Parameters
    ----------
    model
        A name of :func:`model_names`, a YAML file, or the description itself.
    """
    config = model if isinstance(model, ModelConfig) else load_model_config(model)
    network = SamI2V(config)
    for module in network.modules():
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    return network.eval()
