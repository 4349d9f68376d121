"""Open a TIFF, make every cell of a label image an object, track, look.

python examples/annotate.py movie.tif first_frame_labels.tif
"""

import sys

import napari
import tifffile

import napari_sam_i2v as si

viewer = napari.Viewer()
movie = viewer.add_image(tifffile.imread(sys.argv[1]))
cells = viewer.add_labels(tifffile.imread(sys.argv[2]))
viewer.dims.set_current_step(0, 0)
annotator = si.annotate(viewer, movie, prompts=cells)
annotator.propagate()
napari.run()
