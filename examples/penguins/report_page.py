"""The report: one HTML page that needs nothing beside it, the picture included."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

Rows = Sequence[Mapping[str, Any]]  # any: what a cell shows is its own affair

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .25rem .75rem; border-bottom: 1px solid #e4e4e4 }
th { text-align: left } td.number { text-align: right; font-variant-numeric: tabular-nums } img { max-width: 100% }
"""


def render(
    title: str, lead: str, picture: bytes, media_type: str, tables: Mapping[str, Rows]
) -> str:
    """Return the page; *tables* are its sections by heading."""
    image = f"data:{media_type};base64,{base64.b64encode(picture).decode()}"
    sections = [f"<h2>{escape(heading)}</h2>\n{_table(rows)}" for heading, rows in tables.items()]
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
            f"<h1>{escape(title)}</h1>\n<p>{escape(lead)}</p>",
            f'<img src="{image}" alt="Body mass over flipper length, by species">',
            *sections,
            "</body>\n</html>\n",
        ]
    )


def _table(rows: Rows) -> str:
    if not rows:
        return "<p>Nothing is left after cleaning.</p>"
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in rows[0])
    body = "\n".join(f"<tr>{''.join(_cell(v) for v in row.values())}</tr>" for row in rows)
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f'<td class="number">{value:.1f}</td>'
    if isinstance(value, int):
        return f'<td class="number">{value}</td>'
    return f"<td>{escape(str(value))}</td>"
