"""Keeping a session in a folder."""

from __future__ import annotations

from pathlib import Path

from napari_sam_i2v.io.disk import make_folder
from napari_sam_i2v.io.session_folder import MASK_FILE, describe, save_session
from napari_sam_i2v.session.actions import Propagate
from napari_sam_i2v.session.autosave import Autosave, locked
from napari_sam_i2v.session.contents import Recorder, SessionContents
from napari_sam_i2v.session.engine_memory import EngineMemory
from napari_sam_i2v.session.propagator import Propagator


class KeptSession(SessionContents):
    """The part of a session that saves it; what it holds stays as it is."""

    _memory: EngineMemory
    _propagator: Propagator

    def save(self, folder: str | Path) -> None:
        """Write the session into a folder, from which `load_session` opens it.

        Parameters
        ----------
        folder
            Made where it does not exist; an earlier state of this session that it
            holds is replaced.
        """
        if self._is_in(folder := Path(folder)):
            self._snapshot()
            self._record()
            return
        make_folder(folder)
        with locked(folder):
            self._save(folder)

    def attach(self, folder: str | Path) -> None:
        """Save the session into a folder, and keep it there from now on.

        Parameters
        ----------
        folder
            As in `save`. Every action is in it when it is done, also if the program
            is killed.
        """
        if self._is_in(folder := Path(folder)):
            self.save(folder)
            return
        make_folder(folder)
        autosave = Autosave(folder, self._video, self._predictor, self._settings)
        try:
            self._save(folder)
            self.store.switch_to(folder / MASK_FILE)
        except BaseException:
            autosave.close()
            raise
        self._leave(autosave)

    def detach(self) -> None:
        """Go on in a temporary file; the folder stays as it is."""
        self.store.switch_to_copy()
        self._leave(None)

    def close(self) -> None:
        """Let go of the store; a temporary one is deleted."""
        self._propagator.stop()
        self.store.close()
        self._leave(None)

    def _snapshot(self) -> None:
        """Store the engine's state with the masks."""
        version = self._document.next_version - 1
        last = self.log[-1] if self.log else None
        steps = self._propagator.reached if isinstance(last, Propagate) else 0
        snapshot = self._propagator.snapshot(version, steps)
        with self._explained():
            self.store.write(version, [], snapshot=snapshot)

    def _save(self, folder: Path) -> None:
        self._snapshot()
        record = describe(self._video, self._predictor, self._settings)
        save_session(folder, record, self.log, self.store)

    def _is_in(self, folder: Path) -> bool:
        """Whether the session is attached to a folder, however that is written."""
        return self.folder is not None and self.folder.resolve() == folder.resolve()

    def _leave(self, recorder: Recorder | None) -> None:
        """Let go of the folder that it is attached to, for another or none."""
        if isinstance(self._recorder, Autosave):
            self._recorder.close()
        self._recorder = recorder
