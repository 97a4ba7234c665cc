"""A page of paragraphs, tables and figures, as Markdown and as one HTML file."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True)
class Table:
    """A table: headings and rows of text."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Heading:
    """The heading of a section."""

    text: str


@dataclass(frozen=True)
class Figure:
    """A picture beside the page, and what it shows."""

    file: str
    text: str


Block: TypeAlias = str | Heading | Table | Figure  # a string is a paragraph


def markdown(block: Block) -> str:
    """A block as Markdown."""
    if isinstance(block, Heading):
        return f"## {block.text}"
    if isinstance(block, Table):
        lines = [block.head, ["---"] * len(block.head), *block.rows]
        return "\n".join(
            f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines
        )
    if isinstance(block, Figure):
        return f"![{block.text}]({block.file})"
    return block


def html_of(block: Block, out: Path) -> str:
    """A block as HTML; pictures, which lie in `out`, stand in it."""
    if isinstance(block, Heading):
        return f"<h2>{html.escape(block.text)}</h2>"
    if isinstance(block, Table):
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in block.head)
        rows = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in block.rows)
        return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
    if isinstance(block, Figure):
        # inside the page, so that it can be sent as one file
        data = base64.b64encode((out / block.file).read_bytes()).decode()
        text = html.escape(block.text)
        image = f'<img alt="{text}" src="data:image/png;base64,{data}">'
        return f"<figure>{image}<figcaption>{text}</figcaption></figure>"
    return f"<p>{html.escape(block)}</p>"


STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{padding:.2em .8em;border-bottom:1px solid #ccc;text-align:left}"
    "img{max-width:100%}figure{margin:1em 0}figcaption{color:#666;font-size:85%}"
)


def page(title: str, body: Sequence[str]) -> str:
    """The whole HTML file."""
    parts = "\n".join(body)
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{STYLE}</style>\n<h1>{title}</h1>\n{parts}\n</html>\n"
    )
