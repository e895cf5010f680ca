"""The tools that use codes, each in a page of its own, without a browser."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from engine import data
from engine.families import find
from lab.codes import attributes_tab as attributes
from lab.codes import trick_tab as trick
from lab.codes import uses_tab as uses
from lab.codes.attributes_probe import EACH, REACH
from lab.codes.codes_tab import _which_fades
from lab.codes.slips_tab import slips_of_vae
from lab.runs import store
from lab.runs.supervisor import NO_MODEL
from tests.pages.test_pages import texts
from tests.pages.test_pages import works as opens


@pytest.fixture
def run_of(settled, home, monkeypatch):
    """Makes runs that rest."""
    monkeypatch.setenv("GENLAB_HOME", str(home))

    def run_of(family: str, name: str = "digits", **values) -> str:
        small = {"batch": 16} | ({} if family == "pca" else {"width": 8}) | values
        config = find(family).configure(data.load(name).space, small).model_dump()
        return store.create({"family": family, "data": name, "seed": 0, "config": config}).name

    return run_of


def script(family: str, run: str, name: str, live: bool, part: str):
    from engine import data
    from engine.families import find
    from lab.codes.ae_tab import up_sampling
    from lab.codes.codes_tab import use_codes
    from lab.kit import Room

    tool = {"use_codes": use_codes, "up_sampling": up_sampling}[part]
    tool(Room(find(family), run, data.load(name).space, live))


def opened(
    family: str, run: str, part: str = "use_codes", name: str = "digits", live: bool = True
) -> AppTest:
    given = {"family": family, "run": run, "name": name, "live": live, "part": part}
    return works(AppTest.from_function(script, kwargs=given, default_timeout=300).run())


def works(page: AppTest) -> AppTest:
    assert not page.error, [one.value for one in page.error]
    return opens(page)


def html(page: AppTest) -> str:
    return "".join(h.proto.body for h in page.get("html"))


def tool(page: AppTest, name: str) -> AppTest:
    return works(page.button_group(key="codes-tool").set_value(name).run())


COMMON = ["Between two digits", "Arithmetic with codes", "Attribute directions", "All codes at once"]


@pytest.mark.parametrize(
    ("family", "tools"),
    [
        ("pca", [*COMMON, "A few labels"]),
        ("ae", [*COMMON, "A few labels"]),
        ("vae-gan", [*COMMON, "A few labels"]),
        ("vae", [*COMMON, "A few labels", "Reparameterization"]),
        ("cvae", ["Same handwriting, other digit", *COMMON, "Reparameterization"]),
    ],
)
@pytest.mark.exhaustive
def test_each_family_has_the_tools_that_it_can_use_and_each_answers(run_of, family, tools):
    page = opened(family, run_of(family))
    assert list(page.button_group(key="codes-tool").options) == tools
    for name in tools:
        page = tool(page, name)
        if name != "A few labels":  # it waits for its button
            assert "This is the model of round 0." in texts(page)
            assert re.search("<img|class=.tri", html(page))


def test_the_tools_ask_for_pictures_and_for_a_model(run_of):
    points = opened("vae", run_of("vae", "moons"), name="moons")
    assert "These tools are for pictures" in points.info[0].value
    assert opened("vae", run_of("vae"), live=False).info[0].value == NO_MODEL
    assert opened("ae", run_of("ae"), "up_sampling", live=False).info[0].value == NO_MODEL


def test_between_two_digits_shows_three_ways_and_another_digit(run_of):
    page = opened("vae", run_of("vae"))
    assert html(page).count("<img") == 2 + 3 * 11
    assert "double exposure" in texts(page)
    before = html(page)
    works(page.number_input(key="between-a").set_value(900).run())
    other = html(page)
    assert other != before
    works(page.button(key="between-a-another").click().run())
    assert 0 <= page.number_input(key="between-a").value < 1000


def test_a_grey_middle_is_not_praised():
    assert "it is clearer" in _which_fades({"linear": [0, 1.0, 0], "mixed": [0, 1.6, 0]})
    assert "not filled" in _which_fades({"linear": [0, 1.6, 0], "mixed": [0, 1.6, 0]})


def test_an_empty_group_is_asked_for(run_of):
    run = run_of("vae")
    page = tool(opened("vae", run), "Arithmetic with codes")
    assert "= the result" in html(page)
    works(page.multiselect(key=f"codes-B-{run}-0").set_value([]).run())
    assert "group B" in page.info[0].value
    assert "= the result" not in html(page)


def test_the_slider_of_an_attribute_chooses_among_the_pictures_that_were_asked_for(run_of):
    page = tool(opened("vae", run_of("vae", z=8)), "Attribute directions")
    assert html(page).count("<img") == 3 + REACH * EACH + 1
    assert "0.00 steps" in html(page)
    works(page.slider(key="attribute-t").set_value(-1.25).run())
    assert "−1.25 steps" in html(page)
    works(page.button_group(key="attribute").set_value("slant").run())
    assert "to the right per pixel upwards" in html(page)
    assert "| thickness |" in texts(page)


@pytest.mark.parametrize(
    ("r2", "measured", "says"),
    [
        (0.8, [1.0, 2.0, 3.0, 4.0], "know** slant"),
        (0.2, [1.0, 2.0, 3.0, 4.0], "explains 20%"),
        (0.8, [1.0, 3.0, 2.0, 4.0], "growing at 2 of 3"),
        (0.8, [4.0, 3.0, 2.0, 1.0], "this failed"),
    ],
)
def test_the_sentence_about_an_attribute_follows_the_numbers(r2, measured, says):
    assert says in attributes._came_out("slant", {"R²": r2}, measured)


def test_the_plane_of_codes_is_one_picture(run_of):
    page = tool(opened("vae", run_of("vae", z=4)), "All codes at once")
    works(page.slider(key="manifold-n").set_value(5).run())
    assert html(page).count("<img") == 1
    assert "25 decoded codes" in html(page)
    works(page.button_group(key="manifold-spread").set_value("even").run())
    assert "from −3.00 to 3.00." in texts(page)
    page.number_input(key="manifold-u").set_value(2).run()
    assert "two different" in page.error[0].value  # both axes are the second


def test_one_latent_dimension_has_one_row(run_of):
    page = tool(opened("vae", run_of("vae", z=1)), "All codes at once")
    assert "20 decoded codes" in html(page)
    assert "from bottom to top" not in texts(page)


def test_few_labels_waits_for_the_button_and_tells_what_happened(run_of, monkeypatch):
    page = tool(opened("pca", run_of("pca", z=8)), "A few labels")
    assert "few-bar" not in html(page)
    works(page.button(key="few-go").click().run())
    assert html(page).count("few-bar codes") == html(page).count("few-bar pixels") == 4
    assert "For this model," in texts(page)


@pytest.mark.parametrize(
    ("codes", "says", "silent"),
    [
        ([0.6, 0.62, 0.64], "**codes are better** with 10 (+11.0 points)", "pixels are better"),
        ([0.4, 0.42, 0.44], "**pixels are better** with 10 (−9.0 points)", "codes are better"),
        ([0.7, 0.3, 0.55], "no clear difference with 10", "are better"),
    ],
)
def test_the_sentence_on_few_labels_follows_the_numbers(codes, says, silent):
    answer = {"sizes": [10], "accuracy": {"codes": [codes], "pixels": [[0.5, 0.5, 0.53]]}}
    said = uses.what_happened(answer)
    assert says in said
    assert silent not in said


def test_what_the_trick_buys_is_told_in_numbers():
    def one(total: float, mean: float) -> dict:
        return {"total": total, "mean": mean, "error": 0.1}

    said = trick.what_it_buys({"pathwise": one(2, 1), "score": one(5000, 9), "baseline": one(30, 1.1)})
    assert "**2,500 times**" in said
    assert "**15 times**" in said
    assert "within their errors" in said
    far = trick.what_it_buys({"pathwise": one(2, 1), "score": one(50, 9), "baseline": one(30, 3)})
    assert "14.1 standard errors apart" in far
    still = trick.what_it_buys({name: one(0, 0) for name in trick.METHODS})
    assert "ignores z" in still


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0698, "0.0698"), (-632.4, "−632"), (2_430_123, "2,430,000"), (0, "0"), (14.53, "14.5")],
)
def test_numbers_are_short(value, text):
    assert trick._number(value) == text


def test_up_sampling_shows_each_way_and_the_models_own(run_of):
    page = opened("ae", run_of("ae", network="convolutional", upsampling="transposed"), "up_sampling")
    assert html(page).count("<img") == 2 + 6
    assert html(page).count("<table>") == 7
    assert "this model&#x27;s" in html(page)
    assert "channel 0" not in html(page)
    page.number_input(key="up-channel").set_value(8).run()
    assert "from 0 to 7" in page.error[0].value
    plain = opened("vae", run_of("vae"), "up_sampling")
    assert "The picture itself" in html(plain)
    assert html(plain).count("<img") == 2 + 5


def test_slips_are_named_with_numbers():
    def alone():
        from lab.codes.slips_tab import slips

        slips()

    said = texts(works(AppTest.from_function(alone, default_timeout=300).run()))
    for number in ("−0.69", "−0.153", "−0.077", "0.359", "0.568", "1.509", "1.81", "45.8", "0.707"):
        assert number in said
    assert len(slips_of_vae()) == said.count("Written:") == 6
