"""Public movies of the Cell Tracking Challenge, downloaded when they are opened."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import pooch
import requests

from napari_sam_i2v.checkpoints import cache_folder
from napari_sam_i2v.contributions.ctc_layers import Layer, ctc_layers
from napari_sam_i2v.contributions.settings import use_preferred_cache
from napari_sam_i2v.contributions.waiting import Report, wait_for
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.ctc_folder import read_ctc
from napari_sam_i2v.io.disk import replacing_folder

SERVER = "https://data.celltrackingchallenge.net/training-datasets"
_PARTS = ("01/", "01_GT/TRA/")


@dataclass(frozen=True, kw_only=True)
class PublicMovie:
    """A training set of the challenge.

    Attributes
    ----------
    name
        Of the archive, and of the folder in it.
    sha256
        Hash of the archive.
    megabytes
        Its size.
    """

    name: str
    sha256: str
    megabytes: int


# Hashes as torch-em publishes them for its downloads (its module for these data); each
# was found again in work of others who hashed the same archives on their own.
DIC_HELA = PublicMovie(
    name="DIC-C2DH-HeLa",
    sha256="832fed2d05bb7488cf9c51a2994b75f8f3f53b3c3098856211f2d39023c34e1a",
    megabytes=42,
)
GOWT1 = PublicMovie(
    name="Fluo-N2DH-GOWT1",
    sha256="1a7bd9a7d1d10c4122c7782427b437246fb69cc3322a975485c04e206f64fc2c",
    megabytes=59,
)
U373 = PublicMovie(
    name="PhC-C2DH-U373",
    sha256="b18185c18fce54e8eeb93e4bbb9b201d757add9409bbf2283b8114185a11bc9e",
    megabytes=43,
)
HELA = PublicMovie(
    name="Fluo-N2DL-HeLa",
    sha256="35dd99d58e071aba0b03880128d920bd1c063783cc280f9531fbdc5be614c82e",
    megabytes=199,
)


def ctc_dic_hela() -> list[Layer]:
    """HeLa cells in DIC; see `open_public`."""
    return open_public(DIC_HELA)


def ctc_gowt1() -> list[Layer]:
    """Fluorescent stem cell nuclei; see `open_public`."""
    return open_public(GOWT1)


def ctc_u373() -> list[Layer]:
    """Glioblastoma cells in phase contrast; see `open_public`."""
    return open_public(U373)


def ctc_hela() -> list[Layer]:
    """Many small fluorescent nuclei; see `open_public`."""
    return open_public(HELA)


def open_public(movie: PublicMovie) -> list[Layer]:
    """Open a public movie, which is downloaded the first time.

    Parameters
    ----------
    movie
        The movie. Its first sequence is shown, with its tracking truth: markers
        within the cells, and their tracks.

    Raises
    ------
    InputError
        The download failed or was cancelled; nothing of it is kept.
    """
    from napari.utils.notifications import show_info

    use_preferred_cache()
    folder = cache_folder() / "movies"
    if not (folder / movie.name).is_dir():
        show_info(
            f"{movie.name}, {movie.megabytes} MB, is downloaded from the Cell Tracking "
            "Challenge; cite celltrackingchallenge.net where you use it"
        )
    sequence = wait_for(
        lambda report: fetch(movie, folder, report), f"Downloading {movie.name}"
    )
    return ctc_layers(read_ctc(sequence), name=movie.name)


def fetch(
    movie: PublicMovie, folder: Path, report: Report, *, server: str = SERVER
) -> Path:
    """Download a movie and unpack its first sequence.

    Parameters
    ----------
    movie
        What to download.
    folder
        Where to; the movie's own folder in it appears when it is whole and right.
    report
        Told how far the download is.
    server
        Where the archives are.

    Returns
    -------
    pathlib.Path
        Folder of the first sequence's images; nothing is downloaded where it is there.

    Raises
    ------
    InputError
        The download failed, or is not what it should be.
    """
    home = folder / movie.name
    if not home.is_dir():
        archive = _download(movie, f"{server}/{movie.name}.zip", folder, report)
        with replacing_folder(home) as part, zipfile.ZipFile(archive) as packed:
            for name in packed.namelist():
                inside = name.removeprefix(f"{movie.name}/")
                if inside.startswith(_PARTS):
                    report.update(0)
                    packed.extract(name, part)
        archive.unlink()
    return home / movie.name / "01"


def _download(movie: PublicMovie, url: str, folder: Path, report: Report) -> Path:
    pooch.get_logger().setLevel("WARNING")
    try:
        path = pooch.retrieve(
            url,
            known_hash=f"sha256:{movie.sha256}",
            fname=f"{movie.name}.zip",
            path=folder,
            progressbar=report,
        )
    except InputError as error:
        raise InputError(f"download of {movie.name}: {error}") from error
    except requests.HTTPError as error:
        status = "no" if error.response is None else error.response.status_code
        why = f"the server answered {status}; try later"
        raise InputError(f"download of {movie.name} from {url}: {why}") from error
    except requests.RequestException as error:
        why = "the connection failed or was cut; try again"
        raise InputError(f"download of {movie.name} from {url}: {why}") from error
    except OSError as error:
        why = f"cannot write to {folder}: {error.strerror or error}"
        raise InputError(f"download of {movie.name}: {why}") from error
    except ValueError as error:
        why = "the file is not the one whose SHA-256 is known; try again later"
        raise InputError(f"download of {movie.name} from {url}: {why}") from error
    return Path(path)
