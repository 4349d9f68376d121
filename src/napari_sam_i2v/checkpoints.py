"""The weights we know of: where they are, what they are, and how to get them.

Weights are looked for in the package's ``checkpoints`` folder, then in the user's cache
(``NAPARI_SAM_I2V_CACHE``, else the system's place for caches). Fine-tuned models live
there too, each in a folder of its name below ``models``.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pooch
import requests

from napari_sam_i2v.errors import InputError

PACKAGE_FOLDER = Path(__file__).with_name("checkpoints")
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a fine-tuned model may be called."""
CONFIG_FILE, WEIGHTS_FILE = "model.yaml", "weights.safetensors"
"""What a fine-tuned model's folder holds, besides its card."""


@dataclass(frozen=True, kw_only=True)
class KnownWeights:
    """What is known of one model's weights.

    Attributes
    ----------
    model
        Name of the model they belong to.
    file_name
        Name on disk.
    parameters
        Numbers in the file.
    sha256
        Hash of the file to be downloaded; without it nothing is downloaded.
    url
        Where ``download`` gets them.
    licence
        Under what terms they may be used.
    source
        Where they come from and how to get them, in a sentence or a few lines.
    """

    model: str
    file_name: str
    licence: str
    source: str
    parameters: int | None = None
    sha256: str | None = None
    url: str | None = None


KNOWN_WEIGHTS = {
    weights.model: weights
    for weights in (
        KnownWeights(
            model="sam-i2v-cell",
            file_name="sam-i2v-cell.safetensors",
            licence="Apache-2.0",
            source="Ships with napari-sam-i2v; checkpoints/README.md describes it.",
        ),
        KnownWeights(
            model="sam-i2v",
            file_name="sam-i2v.safetensors",
            parameters=18_897_886,
            licence="as the LICENSE of github.com/showlab/SAM-I2V says",
            source="""\
The authors share two files, sam-i2v_8gpu.pt and sam-i2v_32gpu.pt (the better one), on
pages that only a browser can open; section 3.1 of the README at
https://github.com/showlab/SAM-I2V links them:
  Google Drive  https://drive.google.com/drive/folders/1sRvmBf_QwCwyxppuB_5-9IMcAHcUK_K7
  OneDrive, BaiduDisk  see that README
Save one of them, then run: sam-i2v models import sam-i2v_32gpu.pt""",
        ),
    )
}


CACHE_VARIABLE = "NAPARI_SAM_I2V_CACHE"
"""Of the environment, so that child processes know it too."""


def known_weights(name: str) -> KnownWeights:
    """Look a model's weights up by the model's name."""
    if name not in KNOWN_WEIGHTS:
        names = ", ".join(KNOWN_WEIGHTS)
        raise InputError(f"no weights are known by the name {name!r}; known: {names}")
    return KNOWN_WEIGHTS[name]


def cache_folder() -> Path:
    """Folder for weights that do not ship; it need not exist yet."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else Path(pooch.os_cache("napari-sam-i2v"))


def models_folder() -> Path:
    """Folder of fine-tuned models; it need not exist yet."""
    return cache_folder() / "models"


def fine_tuned_names() -> list[str]:
    """List the fine-tuned models, sorted."""
    found = models_folder().glob(f"*/{CONFIG_FILE}")
    return sorted(path.parent.name for path in found if find_weights(path.parent.name))


def fine_tuned_config(name: str) -> Path | None:
    """Find the YAML file of a fine-tuned model."""
    return models_folder() / name / CONFIG_FILE if name in fine_tuned_names() else None


def find_weights(name: str) -> Path | None:
    """Find a model's weights on disk.

    Parameters
    ----------
    name
        A model's name. One without known weights has none on disk.

    Returns
    -------
    pathlib.Path or None
        The file, if it is there.
    """
    if name not in KNOWN_WEIGHTS:
        # A path is no name: nothing outside the folder is found.
        path = models_folder() / name / WEIGHTS_FILE
        return path if MODEL_NAME.fullmatch(name) and path.is_file() else None
    file_name = KNOWN_WEIGHTS[name].file_name
    candidates = (folder / file_name for folder in (PACKAGE_FOLDER, cache_folder()))
    return next((path for path in candidates if path.is_file()), None)


def download(weights: KnownWeights, *, progress: bool = False) -> Path:
    """Download weights into the cache and check their hash.

    The file appears under its name only when it is whole and right.

    Parameters
    ----------
    weights
        What to download; must have a URL and a hash.
    progress
        Whether to draw a bar on stderr.

    Returns
    -------
    pathlib.Path
        The file; nothing is downloaded where it already is.
    """
    if weights.url is None or weights.sha256 is None:
        raise InputError(
            f"{weights.model} cannot be downloaded, only imported from a file; "
            f"'sam-i2v models info {weights.model}' says where to get it"
        )
    pooch.get_logger().setLevel("WARNING")
    try:
        path = pooch.retrieve(
            weights.url,
            known_hash=f"sha256:{weights.sha256}",
            fname=weights.file_name,
            path=cache_folder(),
            progressbar=progress,
        )
    except requests.HTTPError as error:
        status = "no" if error.response is None else error.response.status_code
        raise _failed(weights, f"the server answered {status}; try later") from error
    except requests.RequestException as error:
        raise _failed(weights, "the connection failed or was cut; try again") from error
    except OSError as error:
        why = f"cannot write to {cache_folder()}: {error.strerror or error}"
        raise _failed(weights, why) from error
    except ValueError as error:
        advice = "the file's SHA-256 is not the known one; try again, or import a file"
        raise _failed(weights, advice) from error
    return Path(path)


def _failed(weights: KnownWeights, why: str) -> InputError:
    return InputError(f"download of {weights.model} from {weights.url}: {why}")


def sha256_of(path: Path) -> str:
    """Hash a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
