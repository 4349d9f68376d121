"""Drive the plugin from a script: every button is a method of the annotator.

python examples/drive.py
"""

import napari
import numpy as np

import napari_sam_i2v as si
from napari_sam_i2v.annotator.verbs import Span
from napari_sam_i2v.simulation import SimulationSettings, simulate

movie = simulate(SimulationSettings(modality="phase", frames=20, cells=15, seed=2))
viewer = napari.Viewer()
image = viewer.add_image(movie.images, name="cells")
viewer.dims.set_current_step(0, 0)

annotator = si.annotate(viewer, image)  # the model loads; what follows waits for it

# Three cells: points go into the Points layer, as clicks do.
for object_id in [int(i) for i in np.unique(movie.labels[0]) if i][:3]:
    y, x = np.argwhere(movie.labels[0] == object_id).mean(axis=0)
    annotator.new_object()
    annotator.layers.points.add([[0, y, x]])

annotator.span = Span(direction="forward", until="frames", number=10)
annotator.propagate()  # ten frames from the one shown
annotator.span = Span()
annotator.propagate()  # to the end
annotator.approve([1], range(5))  # locked
annotator.rename(1, "first cell")
annotator.colour(1, "#ff8800")
annotator.end_object()
annotator.undo()
print("session:", annotator.folder)

napari.run()
