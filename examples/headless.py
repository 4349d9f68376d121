"""Click, track, correct, approve, undo and save, without napari and without a screen.

python examples/headless.py [FOLDER]
"""

import sys

import numpy as np

import napari_sam_i2v as si
from napari_sam_i2v.simulation import SimulationSettings, simulate

movie = simulate(SimulationSettings(modality="nuclei", frames=12, cells=12, seed=3))
session = si.open_session(movie.images)

# A click on the middle of each of three cells, as points (y, x).
for object_id in [int(i) for i in np.unique(movie.labels[0]) if i][:3]:
    y, x = np.argwhere(movie.labels[0] == object_id).mean(axis=0)
    mask = session.add(si.PointPrompt(frame=0, object_id=object_id, yx=(y, x)))
    print(f"object {object_id}: {mask.area} pixels on frame 0")

for result in session.propagate(direction="forward"):
    print(f"frame {result.frame}: {len(result.masks)} masks")

# A correction on frame 6 of the first object, then again from there on, only that one.
first = session.object_ids[0]
y, x = np.argwhere(movie.labels[6] == first).mean(axis=0)
session.replace([si.PointPrompt(frame=6, object_id=first, yx=(y, x))])
for _ in session.propagate(6, objects=[first]):
    pass

session.approve(first, range(12))  # locked from here on
session.style(first, name="mother", colour="#ff8800")
session.end(session.object_ids[-1], 9)
session.undo()

for row in session.summary():
    print(row)
print(session.masklets.scores.head())
session.save(sys.argv[1] if len(sys.argv) > 1 else "headless-session")
