"""Weights are found, downloaded whole or not at all, and named in errors."""

from __future__ import annotations

import gc
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from napari_sam_i2v import checkpoints
from napari_sam_i2v.checkpoints import KnownWeights
from napari_sam_i2v.errors import InputError

CONTENT = bytes(range(256)) * 4096
SHA256 = hashlib.sha256(CONTENT).hexdigest()

# pooch drops the socket of a failed download instead of closing it.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


class WeightsHandler(BaseHTTPRequestHandler):
    """Serves the weights whole, cut in the middle, or not at all."""

    def do_GET(self) -> None:
        if self.path not in ("/whole", "/cut"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        half = len(CONTENT) // 2
        self.wfile.write(CONTENT if self.path == "/whole" else CONTENT[:half])

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), WeightsHandler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()
    gc.collect()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NAPARI_SAM_I2V_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def weights_at(url: str) -> KnownWeights:
    return KnownWeights(
        model="tiny",
        file_name="tiny.safetensors",
        licence="none",
        source="made up",
        sha256=SHA256,
        url=url,
    )


def test_a_download_is_found_afterwards(
    server: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = weights_at(f"{server}/whole")
    monkeypatch.setitem(checkpoints.KNOWN_WEIGHTS, "tiny", weights)
    assert checkpoints.find_weights("tiny") is None

    path = checkpoints.download(weights)

    assert path == cache / "tiny.safetensors"
    assert path.read_bytes() == CONTENT
    assert checkpoints.sha256_of(path) == SHA256
    assert checkpoints.find_weights("tiny") == path


def test_what_is_there_is_not_downloaded_again(server: str, cache: Path) -> None:
    path = checkpoints.download(weights_at(f"{server}/whole"))
    assert checkpoints.download(weights_at(f"{server}/missing")) == path


@pytest.mark.parametrize(
    ("address", "sha256", "said"),
    [
        ("/whole", "0" * 64, "SHA-256"),
        ("/cut", SHA256, "cut"),
        ("/missing", SHA256, "404"),
    ],
)
def test_a_failed_download_leaves_nothing(
    server: str, cache: Path, address: str, sha256: str, said: str
) -> None:
    weights = replace(weights_at(server + address), sha256=sha256)
    with pytest.raises(InputError, match=said) as raised:
        checkpoints.download(weights)
    assert "\n" not in str(raised.value)
    assert "tiny" in str(raised.value)
    assert not list(cache.iterdir())


def test_a_failed_download_keeps_what_was_there(server: str, cache: Path) -> None:
    path = checkpoints.download(weights_at(f"{server}/whole"))
    newer = replace(weights_at(f"{server}/cut"), sha256="0" * 64)
    with pytest.raises(InputError):
        checkpoints.download(newer)
    assert path.read_bytes() == CONTENT


def test_a_server_that_is_away_is_one_line(cache: Path) -> None:
    with pytest.raises(InputError, match="connection") as raised:
        checkpoints.download(weights_at("http://127.0.0.1:9/weights"))
    assert "\n" not in str(raised.value)


def test_a_cache_that_is_a_file_is_said(server: str, cache: Path) -> None:
    cache.write_text("in the way")
    with pytest.raises(InputError, match="cannot write to"):
        checkpoints.download(weights_at(f"{server}/whole"))


@pytest.mark.parametrize("missing", ["url", "sha256"])
def test_without_hash_or_url_nothing_is_downloaded(missing: str, cache: Path) -> None:
    weights = replace(weights_at("http://127.0.0.1:9/"), **{missing: None})
    with pytest.raises(InputError, match="only imported"):
        checkpoints.download(weights)


def test_an_unknown_name_lists_the_known_ones() -> None:
    assert checkpoints.find_weights("sam-9") is None
    with pytest.raises(InputError, match="known: sam-i2v-cell, sam-i2v"):
        checkpoints.known_weights("sam-9")


def test_shipped_weights_come_first(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped"
    monkeypatch.setattr(checkpoints, "PACKAGE_FOLDER", shipped)
    for folder in (cache, shipped):
        folder.mkdir()
        (folder / "sam-i2v-cell.safetensors").touch()
        found = checkpoints.find_weights("sam-i2v-cell")
        assert found == folder / "sam-i2v-cell.safetensors"
