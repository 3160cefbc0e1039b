#!/usr/bin/python3
"""Draws the picture of README, a terminal that shows plan.ansi, once for pages on light ground and once for dark ones.

plan.ansi is what regsync plan --color always has said on a node of the test suite: UPDATE=1 go test ./test -run TestStories/picture
writes it, and without UPDATE compares. The drawing is that of rich, python3-rich of Debian.
"""

import io
import pathlib

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

HERE = pathlib.Path(__file__).parent
SAID = "\x1b[1m$ sudo regsync plan\x1b[0m\n" + (HERE / "plan.ansi").read_text().rstrip("\n")
LINES = [Text.from_ansi(line) for line in SAID.split("\n")]

# A font that is on the reader's machine: an SVG in a page loads none. The width of each piece of text is given, so columns stay columns.
TEMPLATE = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px/{line_height}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace }}
.{unique_id}-title {{ font: 16px -apple-system, "Segoe UI", "DejaVu Sans", Arial, sans-serif; opacity: .6 }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})">
<g class="{unique_id}-matrix" xml:space="preserve">
{matrix}
</g>
</g>
</svg>
"""


def colour(word):
    return tuple(int(word[i : i + 2], 16) for i in (1, 3, 5))


def theme(ground, text, black, red, green, yellow, blue, magenta, cyan, white):
    sixteen = [colour(c) for c in (black, red, green, yellow, blue, magenta, cyan, white)]
    return TerminalTheme(colour(ground), colour(text), sixteen, sixteen)


THEMES = {
    "light": ("#d0d7de", theme("#f6f8fa", "#1f2328", "#24292f", "#cf222e", "#116329", "#8a4600", "#0550ae", "#8250df", "#1b7c83", "#6e7781")),
    "dark": ("#30363d", theme("#161b22", "#e6edf3", "#484f58", "#ff7b72", "#3fb950", "#e3b341", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4")),
}

for name, (border, colours) in THEMES.items():
    console = Console(record=True, width=max(map(len, LINES)) + 1, file=io.StringIO(), color_system="standard", force_terminal=True, legacy_windows=False)
    console.print(Text("\n").join(LINES), no_wrap=True)
    svg = console.export_svg(title="edge-7", theme=colours, code_format=TEMPLATE, font_aspect_ratio=0.602, unique_id="plan")
    svg = svg.replace("rgba(255,255,255,0.35)", border)  # rich draws the window's edge for dark ground only
    (HERE / f"plan-{name}.svg").write_text("\n".join(l.rstrip() for l in svg.split("\n") if l.strip()) + "\n")
