"""The table of what can be simulated: which bodies, imaged how."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Modality:
    """How the cells of one modality are built and imaged.

    Attributes
    ----------
    bodies
        Kinds of outline; a movie uses one of them: ``round`` (nearly convex),
        ``lobed`` (irregular), ``rod``, ``filament`` (a long bent rod), ``sheet``
        (adherent and flat, corners and edges) or ``spindle`` (long thin arms).
    looks
        Renderers; a movie uses one of them.
    coverage
        Range of the covered part of the field, for drawing the diameter.
    confluent
        Probability that the cells fill the field like a tissue.
    division
        ``plate`` (nuclei: a bright plate splits), ``round`` (rounds up, then
        splits), ``fission`` (rods) or ``bud`` (yeast).
    arrangements
        How cells lie; a movie uses one of them: ``free``, ``colony`` (microcolonies
        from few founders), ``chain`` (linked end to end) or ``channel`` (in the
        dead-end channels of a mother machine).
    """

    bodies: tuple[str, ...]
    looks: tuple[str, ...]
    coverage: tuple[float, float] = (0.06, 0.55)
    confluent: float = 0.0
    division: str = "round"
    arrangements: tuple[str, ...] = ("free",)


TABLE: dict[str, Modality] = {
    "nuclei": Modality(
        bodies=("round", "round", "lobed"),
        looks=("nuclei",),
        coverage=(0.04, 0.6),
        confluent=0.1,
        division="plate",
    ),
    "cytoplasm": Modality(
        bodies=("lobed", "round", "sheet", "sheet"),
        looks=("cytoplasm",),
        coverage=(0.1, 0.7),
        confluent=0.25,
    ),
    "membrane": Modality(
        bodies=("round", "lobed"),
        looks=("membrane",),
        coverage=(0.3, 0.9),
        confluent=0.7,
    ),
    "ring": Modality(
        bodies=("round", "lobed"), looks=("ring",), confluent=0.1, division="plate"
    ),
    "phase": Modality(
        bodies=("sheet",) * 5 + ("lobed", "round", "spindle"),
        looks=("phase",),
        coverage=(0.1, 0.7),
        confluent=0.1,
    ),
    "dic": Modality(
        bodies=("round", "lobed", "sheet", "sheet"),
        looks=("dic",),
        coverage=(0.1, 0.65),
        confluent=0.3,
    ),
    "brightfield": Modality(
        bodies=("round", "round", "lobed", "sheet", "sheet", "spindle"),
        looks=("brightfield", "brightfield", "dye"),
        confluent=0.1,
    ),
    "rods": Modality(
        bodies=("rod",),
        looks=("rod-phase", "rod-fluorescence"),
        coverage=(0.08, 0.5),
        division="fission",
        arrangements=("free", "free", "colony"),
    ),
    "chains": Modality(
        bodies=("rod",),
        looks=("rod-phase", "rod-fluorescence"),
        coverage=(0.08, 0.35),
        division="fission",
        arrangements=("chain",),
    ),
    "channels": Modality(
        bodies=("rod",),
        looks=("rod-phase", "rod-fluorescence"),
        coverage=(0.15, 0.5),
        division="fission",
        arrangements=("channel",),
    ),
    "filaments": Modality(
        bodies=("filament",),
        looks=("rod-phase", "rod-fluorescence"),
        coverage=(0.06, 0.3),
        division="fission",
    ),
    "yeast": Modality(
        bodies=("round",),
        looks=("yeast", "yeast", "yeast", "brightfield", "dic"),
        coverage=(0.06, 0.45),
        division="bud",
    ),
    "spindle": Modality(
        bodies=("spindle", "spindle", "sheet"),
        looks=("cytoplasm", "phase"),
        coverage=(0.05, 0.3),
    ),
}

MODALITIES: tuple[str, ...] = tuple(TABLE)
