"""The glossary explains every term of the charts, once, and no term that nobody uses."""

import json
import re
from pathlib import Path

from engine.dispatch import modules
from engine.families import families
from engine.metrics import measure
from lab import server
from lab.kit.glossary import GLOSSARY

ROOT = Path(__file__).parents[2]
WORDS = [word for term in GLOSSARY for word in term.words]
FIELD = {"nats", "bits", "modes", "mode", "Wasserstein", "Fréchet", "sliced", "divergence"}
"""Words of charts that are not plain English, beside abbreviations in capital letters."""


def test_every_term_of_a_chart_is_explained():
    families()
    list(modules("measures", "engine"))
    known = {part for word in WORDS for part in re.findall(r"\w+", word)}
    charts = {told for one in measure._declared.values() for told in (one.chart, one.label, one.unit)}
    told = {word for chart in charts if "[" not in chart for word in re.findall(r"[^\W\d_]{2,}", chart)}
    terms = {word for word in told if word in FIELD or word.isupper()}
    assert len(terms) >= 8
    assert terms <= known, terms - known


def test_every_term_is_used_somewhere():
    files = [*(ROOT / "pages").glob("*.py"), *(ROOT / "lab").rglob("*.py"), *(ROOT / "engine").rglob("*.py")]
    texts = "\n".join(path.read_text(encoding="utf-8") for path in files if path.stem != "glossary")
    used = [any(re.search(rf"\b{re.escape(word)}\b", texts) for word in term.words) for term in GLOSSARY]
    unused = [term.name for term, is_used in zip(GLOSSARY, used, strict=True) if not is_used]
    assert not unused


def test_a_word_has_one_explanation_and_it_is_short():
    assert len(WORDS) == len(set(WORDS))
    for term in GLOSSARY:
        assert term.says.endswith("."), term.name
        assert len(term.says) <= 200, term.name


def test_every_page_carries_the_glossary():
    text = server.HTML.partition('id="genlab-glossary">')[2].partition("</script>")[0]
    assert {one["term"] for one in json.loads(text)} == {term.name for term in GLOSSARY}
    assert "glossary/glossary.js" in server.HTML
