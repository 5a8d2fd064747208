"""The scatter of `picture_svg` as PNG, drawn with matplotlib; used where matplotlib is installed."""

import io
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from picture_svg import COLOURS, Point

MEDIA_TYPE = "image/png"


def draw(birds: Sequence[Point], means: Sequence[Point], title: str) -> bytes:
    """Return the picture: a dot per bird, a ring per mean."""
    figure = Figure(figsize=(7.6, 4.6), layout="constrained")
    axes = figure.add_subplot()
    for species in sorted({point.species for point in birds}):
        colour = COLOURS.get(species, "#666666")
        for points, look in (
            (birds, {"s": 16, "alpha": 0.55}),
            (means, {"s": 120, "edgecolor": "black"}),
        ):
            own = [point for point in points if point.species == species]
            x, y = [p.flipper_length_mm for p in own], [p.body_mass_g for p in own]
            axes.scatter(x, y, color=colour, label=species if points is birds else None, **look)
    axes.set(xlabel="flipper length (mm)", ylabel="body mass (g)", title=title)
    axes.grid(color="#e4e4e4")
    axes.set_axisbelow(True)
    if birds:
        axes.legend()
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file)
    return file.getvalue()
