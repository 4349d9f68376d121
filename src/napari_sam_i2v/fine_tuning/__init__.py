"""Fine-tuning on one's own cells: from a form to a model in the list.

``FineTune`` says what to do, ``TrainingRun`` does it in a child process, which is
``sam-i2v train``; what comes out is a model of the name given.
"""

from napari_sam_i2v.fine_tuning.data import DataSource, describe_data, keep_session
from napari_sam_i2v.fine_tuning.estimates import Estimate, estimate
from napari_sam_i2v.fine_tuning.models import (
    ModelCard,
    check_name,
    delete_model,
    describe_model,
    read_card,
)
from napari_sam_i2v.fine_tuning.run import TrainingRun, unfinished_runs
from napari_sam_i2v.fine_tuning.settings import PARTS, FineTune
from napari_sam_i2v.fine_tuning.watching import Progress

__all__ = [
    "PARTS",
    "DataSource",
    "Estimate",
    "FineTune",
    "ModelCard",
    "Progress",
    "TrainingRun",
    "check_name",
    "delete_model",
    "describe_data",
    "describe_model",
    "estimate",
    "keep_session",
    "read_card",
    "unfinished_runs",
]
