"""Public movies arrive whole and right, or not at all."""

from __future__ import annotations

import gc
import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel

import scenes
from napari_sam_i2v.contributions import public_movies
from napari_sam_i2v.contributions.public_movies import PublicMovie, fetch
from napari_sam_i2v.contributions.waiting import Report
from napari_sam_i2v.errors import InputError

# pooch drops the socket of a failed download instead of closing it.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

NAME = "Toy-2D"
MOVIES = (
    public_movies.DIC_HELA,
    public_movies.GOWT1,
    public_movies.U373,
    public_movies.HELA,
)


def packed() -> bytes:
    """Pack a training set as the challenge does, with parts that are not wanted."""
    stream = io.BytesIO()
    scene = scenes.divides
    with zipfile.ZipFile(stream, "w") as archive:
        for t in range(scene.n_frames):
            image, mask = scene.images[t], scene.truth[t].astype(np.uint16)
            for path, pixels in (
                (f"01/t{t:03d}.tif", image),
                (f"01_GT/TRA/man_track{t:03d}.tif", mask),
                (f"01_GT/SEG/man_seg{t:03d}.tif", mask),
                (f"02/t{t:03d}.tif", image),
            ):
                file = io.BytesIO()
                tifffile.imwrite(file, pixels)
                archive.writestr(f"{NAME}/{path}", file.getvalue())
        tracks = "1 0 2 0\n2 3 5 1\n3 3 5 1\n"
        archive.writestr(f"{NAME}/01_GT/TRA/man_track.txt", tracks)
        archive.writestr(f"{NAME}/../../escaped.txt", "no")
    return stream.getvalue()


CONTENT = packed()
TOY = PublicMovie(name=NAME, sha256=hashlib.sha256(CONTENT).hexdigest(), megabytes=1)


class Server(ThreadingHTTPServer):
    """Counts what it is asked for."""

    requests: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Serves the archive whole, cut in the middle, or not at all."""

    def do_GET(self) -> None:
        self.server.requests += 1
        kind = self.path.split("/")[1]
        if kind not in ("whole", "cut"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT if kind == "whole" else CONTENT[: len(CONTENT) // 2])

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield httpd
        httpd.shutdown()
        thread.join()
    gc.collect()


def test_a_movie_arrives(server: Server, tmp_path: Path) -> None:
    report = Report()
    sequence = fetch(TOY, tmp_path, report, server=f"{server.url}/whole")
    assert report.done == report.total == len(CONTENT)
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.t*")}
    n_frames = scenes.divides.n_frames
    assert len(found) == 2 * n_frames + 1  # one sequence, its tracking truth, no more
    assert sequence == tmp_path / NAME / NAME / "01"
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert not (tmp_path.parent / "escaped.txt").exists()

    assert fetch(TOY, tmp_path, Report(), server="http://127.0.0.1:9") == sequence
    assert server.requests == 1


@pytest.mark.parametrize(
    ("kind", "sha256", "said"),
    [
        ("whole", "0" * 64, "SHA-256"),
        ("cut", TOY.sha256, "cut"),
        ("missing", TOY.sha256, "404"),
    ],
    ids=["another file", "cut off", "missing"],
)
def test_a_failed_download_leaves_nothing(
    server: Server, tmp_path: Path, kind: str, sha256: str, said: str
) -> None:
    movie = replace(TOY, sha256=sha256)
    with pytest.raises(InputError, match=said) as raised:
        fetch(movie, tmp_path, Report(), server=f"{server.url}/{kind}")
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_a_cancelled_download_leaves_nothing(server: Server, tmp_path: Path) -> None:
    report = Report()
    report.cancelled = True
    with pytest.raises(InputError, match="cancelled"):
        fetch(TOY, tmp_path, report, server=f"{server.url}/whole")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_said(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write to"):
        fetch(TOY, tmp_path / "file", Report(), server=f"{server.url}/whole")


@pytest.mark.parametrize(
    ("key", "movie"),
    [
        ("ctc_dic_hela", "DIC_HELA"),
        ("ctc_gowt1", "GOWT1"),
        ("ctc_u373", "U373"),
        ("ctc_hela", "HELA"),
    ],
)
def test_the_menu_opens_a_movie(
    server: Server,
    viewer: ViewerModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    movie: str,
) -> None:
    """The toy stands for the movie: what the menu entry names is what is fetched."""
    monkeypatch.setenv("NAPARI_SAM_I2V_CACHE", str(tmp_path))
    monkeypatch.setattr(public_movies, movie, TOY)
    monkeypatch.setattr(fetch, "__kwdefaults__", {"server": f"{server.url}/whole"})
    viewer.open_sample("napari-sam-i2v", key)
    image, masks, tracks = viewer.layers
    assert image.name == NAME
    np.testing.assert_array_equal(image.data, scenes.divides.images)
    np.testing.assert_array_equal(masks.data, scenes.divides.truth)
    assert tracks.graph == {2: [1], 3: [1]}
    assert (tmp_path / "movies" / NAME).is_dir()


def test_every_movie_has_a_hash_of_its_own() -> None:
    hashes = {movie.sha256 for movie in MOVIES}
    assert len(hashes) == len(MOVIES)
    assert all(len(bytes.fromhex(one)) == 32 for one in hashes)
