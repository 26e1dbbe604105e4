"""The labeling config that goes with our tasks: every question that they answer, by name."""

from __future__ import annotations

from xml.etree import ElementTree

from labelling.codebook import Codebook
from labelling.interchange.answers import HATE, RATIONALE, SEVERITY_NAMES
from model.taxonomy import SPEECH_ACT_ORDER, STRAND_ORDER


def labeling_config(codebook: Codebook | None = None) -> str:
    """The XML to paste into a Label Studio project before our tasks are imported.

    With a codebook it also asks for its codes and context flags, which Label Studio needs to know by name.
    """
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Text", name="text", value="$text")
    _choices(view, "target", STRAND_ORDER, several=True)
    _choices(view, "hate", tuple(HATE))
    _choices(view, "severity", tuple(SEVERITY_NAMES))
    _choices(view, "speech_act", SPEECH_ACT_ORDER)
    if codebook is not None:
        codes = tuple(dict.fromkeys(code.code for strand in codebook.strands for code in strand.codes))
        _choices(view, "codes", codes, several=True)
        _choices(view, "context_flags", tuple(flag.value for flag in codebook.context_flags), several=True)
    ElementTree.SubElement(view, "Number", name="confidence", toName="text", min="0", max="1", step="0.01")
    ElementTree.SubElement(view, "TextArea", name="note", toName="text")
    labels = ElementTree.SubElement(view, "Labels", name="rationale", toName="text")
    ElementTree.SubElement(labels, "Label", value=RATIONALE)
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def _choices(view: ElementTree.Element, name: str, values: tuple[str, ...], *, several: bool = False) -> None:
    choice = "multiple" if several else "single"
    choices = ElementTree.SubElement(view, "Choices", name=name, toName="text", choice=choice)
    for value in values:
        ElementTree.SubElement(choices, "Choice", value=value)
