"""A scatter of body mass over flipper length as SVG, drawn with the standard library.

`picture_png` draws the same with matplotlib.
"""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

MEDIA_TYPE = "image/svg+xml"
WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 55
COLOURS = {"Adelie": "#d9730d", "Chinstrap": "#7b4fa3", "Gentoo": "#0f7b6c"}


class Point(NamedTuple):
    """A bird, or the mean of a group of birds."""

    species: str
    flipper_length_mm: float
    body_mass_g: float


class Axis(NamedTuple):
    """A scale from data to pixels, with round values to mark."""

    low: float
    high: float
    first_pixel: float
    last_pixel: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """Return the pixel of *value*."""
        share = (value - self.low) / (self.high - self.low)
        return self.first_pixel + share * (self.last_pixel - self.first_pixel)


def draw(birds: Sequence[Point], means: Sequence[Point], title: str) -> bytes:
    """Return the picture: a dot per bird, a ring per mean."""
    x = _axis([p.flipper_length_mm for p in birds], 10, LEFT, WIDTH - RIGHT)
    y = _axis([p.body_mass_g for p in birds], 500, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(LEFT, 22, title, 'font-size="15" font-weight="bold"'),
        *_grid(x, y),
        *(_dot(x, y, point) for point in birds),
        *(_ring(x, y, point) for point in means),
        *_legend(sorted({point.species for point in birds})),
        "</svg>",
    ]
    return "\n".join(parts).encode()


def _axis(values: Sequence[float], step: int, first_pixel: float, last_pixel: float) -> Axis:
    low = min(values, default=0) // step * step
    high = max(max(values, default=0) // step * step, low) + step
    ticks = tuple(low + step * n for n in range(round((high - low) / step) + 1))
    return Axis(low, high, first_pixel, last_pixel, ticks)


def _grid(x: Axis, y: Axis) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    lines = []
    for tick in x.ticks:
        lines.append(_line(x.at(tick), TOP, x.at(tick), bottom))
        lines.append(_text(x.at(tick), bottom + 18, f"{tick:g}", 'text-anchor="middle"'))
    for tick in y.ticks:
        lines.append(_line(LEFT, y.at(tick), right, y.at(tick)))
        lines.append(_text(LEFT - 8, y.at(tick) + 4, f"{tick:,.0f}", 'text-anchor="end"'))
    middle = (TOP + bottom) / 2
    turned = f'text-anchor="middle" transform="rotate(-90 16 {middle:.0f})"'
    return [
        *lines,
        _text((LEFT + right) / 2, HEIGHT - 14, "flipper length (mm)", 'text-anchor="middle"'),
        _text(16, middle, "body mass (g)", turned),
    ]


def _legend(species: Sequence[str]) -> list[str]:
    entries = []
    for number, name in enumerate(species):
        x = WIDTH - RIGHT - 100 * (len(species) - number) + 10
        entries.append(f'<circle cx="{x}" cy="18" r="5" fill="{_colour(name)}"/>')
        entries.append(_text(x + 10, 22, name))
    return entries


def _dot(x: Axis, y: Axis, point: Point) -> str:
    place = f'cx="{x.at(point.flipper_length_mm):.1f}" cy="{y.at(point.body_mass_g):.1f}"'
    return f'<circle {place} r="3" fill="{_colour(point.species)}" fill-opacity="0.55"/>'


def _ring(x: Axis, y: Axis, point: Point) -> str:
    place = f'cx="{x.at(point.flipper_length_mm):.1f}" cy="{y.at(point.body_mass_g):.1f}"'
    return (
        f'<circle {place} r="8" fill="{_colour(point.species)}" stroke="black" stroke-width="1.5"/>'
    )


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#e4e4e4"/>'


def _text(x: float, y: float, text: str, attributes: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {attributes}>{escape(text)}</text>'


def _colour(species: str) -> str:
    return COLOURS.get(species, "#666666")
