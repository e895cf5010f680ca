"""A legend is a sentence whose coloured words are written as links."""

from lab.kit.subject import legend, subjects


def test_the_words_of_a_link_have_a_layer_a_role_and_may_be_off():
    text = (
        "The [fake points](points/fake, model) go along [arrows](arrows/pull, gradient, off): [D(x)](score)."
    )
    assert legend(text) == [
        "The ",
        {"words": "fake points", "layer": "points/fake", "role": "model"},
        " go along ",
        {"words": "arrows", "layer": "arrows/pull", "role": "gradient", "off": True},
        ": ",
        {"words": "D(x)", "layer": "score"},
        ".",
    ]
    assert legend("[All](a/b) of it") == [{"words": "All", "layer": "a/b"}, " of it"]
    assert legend("Nothing to press.") == ["Nothing to press."]


def test_no_legend_has_a_link_that_was_not_read():
    legends = [words for one, _ in subjects().values() for words in one.legends.values()]
    assert len(legends) > 15
    assert not [piece for words in legends for piece in words if isinstance(piece, str) and "](" in piece]
