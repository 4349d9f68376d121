"""Names that layers carry what belongs to a session under."""

SESSION_KEY = "sam_i2v_session"
"""Key of a layer's metadata that names the session folder it belongs to."""

OBJECT_ID = "object_id"
"""Feature of points and shapes: the object's id."""

POSITIVE = "positive"
"""Feature of points and shapes: whether the object is there."""
