"""Text as PDF: fpdf2's one door. Real text in a font with every letter of Norwegian and Sami, a language, a title and bookmarks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from fpdf import FPDF
from typing_extensions import override

from hub.web.citizen.vocabulary import Language

_FONT: Final = "Noto Sans"
_FILE: Final = "NotoSans[wdth,wght].ttf"  # its default is the regular weight; making another of it takes seconds
_LINE: Final = 5.4  # mm
_MARGIN: Final = 18
_WIDTH: Final = 36  # of a fact's label


@dataclass(frozen=True, slots=True)
class Section:
    """One thing and its facts (label, text)."""

    head: str
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One message."""

    head: str
    under: str
    sections: Sequence[Section]


@cache
def _font() -> Path:
    return Path(str(resources.files("fontpkg_noto_sans") / "files" / _FILE))


class _Paper(FPDF):
    @override
    def footer(self) -> None:
        self.set_y(-14)
        self.set_font(_FONT, size=9)
        self.cell(0, 5, f"{self.page_no()}", align="C")


def document(language: Language, title: str, about: str, chapters: Iterable[Chapter]) -> bytes:
    """The chapters on A4."""
    paper = _Paper(format="A4")
    paper.set_margins(_MARGIN, _MARGIN)
    paper.set_auto_page_break(True, _MARGIN)
    paper.add_font(_FONT, "", _font())
    paper.set_lang(language.value)
    paper.set_title(title)
    paper.set_creator("Care Pathway Hub")
    paper.add_page()
    _write(paper, title, 20, bold=True)
    _write(paper, about, 11)
    for chapter in chapters:
        _chapter(paper, chapter)
    return bytes(paper.output())


def _write(paper: FPDF, text: str, size: float, *, bold: bool = False) -> None:
    """A paragraph. Bold letters are the regular ones with their outline drawn too."""
    paper.set_font(_FONT, size=size)
    with paper.local_context(text_mode="FILL_STROKE" if bold else "FILL", line_width=size * 0.011):
        paper.multi_cell(0, _LINE * size / 11, _printable(text), align="L", new_x="LMARGIN", new_y="NEXT")


def _printable(text: str) -> str:
    """Without what no paper shows."""
    return "".join(c for c in text.replace("\r\n", "\n").replace("\t", " ") if c == "\n" or c.isprintable())


def _chapter(paper: FPDF, chapter: Chapter) -> None:
    paper.ln(4)
    if paper.will_page_break(4 * _LINE):
        paper.add_page()
    paper.start_section(_printable(chapter.head), 0)
    _write(paper, chapter.head, 14, bold=True)
    _write(paper, chapter.under, 11)
    for section in chapter.sections:
        paper.ln(1.5)
        _write(paper, section.head, 11, bold=True)
        for label, text in section.facts:
            paper.set_font(_FONT, size=11)
            paper.cell(_WIDTH, _LINE, _printable(label))
            paper.multi_cell(0, _LINE, _printable(text), align="L", new_x="LMARGIN", new_y="NEXT")
