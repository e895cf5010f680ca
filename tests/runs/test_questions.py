"""Answers in parts: in order, of the model as it was when asked, in a random stream of their own."""

import pytest
import torch

from engine import data as datasets
from engine.config import Refused
from lab import probes
from lab.makers.recordings import halved
from lab.runs import place, store, wire
from lab.runs import questions as asking
from lab.runs.lock import Elsewhere
from lab.runs.questions import STREAMS, Questions, stored
from lab.runs.run import Run


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    """A run whose model can be asked for its first weight and a random number, n times."""

    def weights(model, data, n=3):
        if n < 0:
            raise Refused("n is negative.")
        for left in reversed(range(n)):
            yield {
                "weight": next(model.parameters()).flatten()[0].item(),
                "chance": torch.rand(()).item(),
                "left": left,
            }

    def now(model, data):
        return {"all": True}

    monkeypatch.setattr(probes, "questions", lambda model: {"weights": weights, "now": now})
    config = {"width_G": 8, "width_D": 8, "batch": 8}
    at = store.create({"family": "gan", "data": "ring", "seed": 0, "config": config}, tmp_path)
    monkeypatch.setenv("GENLAB_HOME", str(tmp_path))
    return Run(at)


def test_parts_come_in_order_and_between_them_the_model_may_train(run):
    questions = Questions(lambda run_id: run)
    parts = [questions.ask(run.info.id, "weights", {}, "me")]
    run.play()
    run.train(rounds=3)  # other weights, and other random numbers drawn
    while part := questions.more(run.info.id, "me"):
        parts.append(part)
        torch.rand(7)
    assert [part["part"] for part in parts] == [0, 1, 2]
    assert [part["left"] for part in parts] == [2, 1, 0]
    assert [part["round"] for part in parts] == [0, 0, 0]
    assert len({part["weight"] for part in parts}) == 1  # of the model that was asked
    assert len({part["chance"] for part in parts}) == 3
    again = [questions.ask(run.info.id, "weights", {}, "me")]
    while part := questions.more(run.info.id, "me"):
        again.append(part)
    # the same question has the same answer
    assert [p["chance"] for p in again] == [p["chance"] for p in parts]
    assert again[0]["weight"] != parts[0]["weight"]
    assert not questions.streams


def test_a_new_question_ends_the_old_one_of_the_same_asker_only(run):
    questions = Questions(lambda run_id: run)
    questions.ask(run.info.id, "weights", {"n": 5}, "me")
    questions.ask(run.info.id, "weights", {"n": 9}, "you")
    assert questions.ask(run.info.id, "now", {}, "me") == {"round": 0, "all": True}
    with pytest.raises(Refused, match="ask again"):  # nor does it pass for the end of the answer
        questions.more(run.info.id, "me")
    assert questions.more(run.info.id, "you")["left"] == 7
    questions.enough(run.info.id, "you")
    assert not questions.streams


def test_a_refusal_leaves_nothing_behind_and_old_streams_are_let_go(run):
    questions = Questions(lambda run_id: run)
    with pytest.raises(Refused, match="negative"):
        questions.ask(run.info.id, "weights", {"n": -1}, "me")
    assert not questions.streams
    for who in range(STREAMS + 5):
        questions.ask(run.info.id, "weights", {}, str(who))
    assert len(questions.streams) == STREAMS
    assert questions.more(run.info.id, "30")
    with pytest.raises(Refused, match="lost"):
        questions.more(run.info.id, "0")


# --- models that are not open --------------------------------------------------------------------

FLOW = {"family": "flow-matching", "data": "moons", "seed": 0, "config": {"width": 8, "depth": 1, "batch": 8}}


def test_a_run_that_is_trained_elsewhere_is_asked_as_it_was_stored(run, monkeypatch):
    def elsewhere(run_id):
        raise Elsewhere("It is trained elsewhere.")

    questions = Questions(elsewhere)
    run.play()
    run.train(rounds=3)
    run.checkpoint()
    run.train(rounds=2)
    assert questions.ask(run.info.id, "now", {}, "me") == {"round": 3, "all": True}
    run.checkpoint()
    assert questions.ask(run.info.id, "now", {}, "me")["round"] == 5
    laws = []
    steps = lambda *given: laws.append(given) or iter([["a law"], [], ["another", "third"]])  # noqa: E731
    monkeypatch.setattr(asking, "measure_in_steps", steps)
    measured = questions.measure(run.info.id)
    assert [next(measured, None) for _ in range(3)] == [None] * 3
    with pytest.raises(StopIteration) as end:
        next(measured)
    assert end.value.value == ["a law", "another", "third"]
    ((model, data),) = laws
    assert model.name == "gan"
    assert data.space == run.data.space
    store.checkpoint(run.at).unlink()
    with pytest.raises(Elsewhere):
        questions.ask(run.info.id, "now", {}, "me")


def test_what_a_run_holds_is_asked_with_its_threads_and_only_if_it_is_sound(run):
    info = store.change_info(run.at, threads=2)
    try:
        round, model, _ = stored(run.at)
        assert torch.get_num_threads() == 2
        assert round == 0
        for name, tensor in run.model.state_dict().items():
            assert tensor.equal(model.state_dict()[name]), name
        store.write_info(run.at, info.model_copy(update={"threads": 0}))  # of an older version
        stored(run.at)
        assert torch.get_num_threads() == store.threads("gan")
    finally:
        torch.set_num_threads(1)
    tensors, about = wire.unpack_state(store.checkpoint(run.at).read_bytes())
    first = next(name for name in tensors if name.startswith("model/"))
    del tensors[first]
    store.write(store.checkpoint(run.at), wire.pack_state(tensors, about))
    with pytest.raises(Refused, match=f"{run.info.id} cannot be asked: .* does not fit this model"):
        stored(run.at)
    store.checkpoint(run.at).unlink()
    with pytest.raises(Refused, match="has no checkpoint yet"):
        stored(run.at)


def net_of(run: Run) -> dict[str, torch.Tensor]:
    """The weights that are trained, beside which the model keeps their average."""
    return dict(run.model.player(run.model.players[0]).named_parameters())


def test_a_run_finds_the_data_that_were_brought_beside_it_wherever_it_lies(tmp_path):
    points = torch.rand(100, 2).numpy()
    name = datasets.keep_points(points, "drawn", tmp_path / "elsewhere")
    setting = {"family": "gan", "data": name, "seed": 0, "config": {"width_G": 8, "width_D": 8, "batch": 8}}
    run = Run(store.create(setting, tmp_path / "elsewhere"))
    assert stored(run.at)[2].x.equal(run.data.x)


def test_of_two_devices_the_faster_is_known_beside_the_run_to_who_trains_and_to_who_asks(
    tmp_path, monkeypatch
):
    cpu, timed = torch.device("cpu"), []
    monkeypatch.setattr(place, "devices", lambda: [cpu, cpu])
    monkeypatch.setattr(
        place, "seconds", lambda family, config, data, info, one: timed.append(info.id) or 1.0
    )
    run = Run(store.create(FLOW, tmp_path / "elsewhere"))
    assert timed == [run.info.id] * 2
    stored(run.at)
    assert timed == [run.info.id] * 2, "what was measured is found again"
    (tmp_path / "elsewhere/devices.json").unlink()
    stored(run.at)
    assert timed == [run.info.id] * 4
    assert (tmp_path / "elsewhere/devices.json").exists()


def test_of_two_devices_the_faster_for_a_recording_is_known_beside_the_runs(tmp_path, monkeypatch):
    """Recordings come with the program, and nothing is written beside them."""
    run = Run(store.create(FLOW, tmp_path / "shipped"))
    config = run.model.config.model_dump()
    store.write(store.weights(run.at), wire.pack_state(halved(run.model), {"round": 3, "config": config}))
    cpu, timed = torch.device("cpu"), []
    monkeypatch.setattr(store, "is_recording", lambda at: at == run.at)
    monkeypatch.setattr(place, "devices", lambda: [cpu, cpu])
    monkeypatch.setattr(place, "seconds", lambda *_, one: timed.append(one) or 1.0)
    store.home().mkdir()
    for _ in range(2):
        stored(run.at)
    assert len(timed) == 2, "what was measured is found again"
    assert (store.home() / "devices.json").exists()
    assert not (run.at.parent / "devices.json").exists()


def test_a_recording_answers_with_its_averaged_weights_if_it_has_any(tmp_path, monkeypatch):
    run = Run(store.create(FLOW))
    run.play()
    run.train(rounds=3)
    run.settle("paused")
    whole = stored(run.at)[1].state_dict()
    assert any(not weight.equal(whole[f"average.{name}"]) for name, weight in net_of(run).items())
    assert all(tensor.equal(whole[name]) for name, tensor in run.model.state_dict().items())
    store.checkpoint(run.at).unlink()
    monkeypatch.setattr(store, "is_recording", lambda at: at == run.at)
    with pytest.raises(Refused, match="is a recording, pictures without weights"):
        stored(run.at)
    config = run.model.config.model_dump()
    store.write(store.weights(run.at), wire.pack_state(halved(run.model), {"round": 3, "config": config}))
    questions = Questions(lambda run_id: pytest.fail("it is no run"))
    round, model, data = questions._model(run.info.id)
    assert (round, data.space) == (3, run.data.space)
    averaged = dict(run.model.average.named_parameters())
    for net in (model.average, model.player(model.players[0])):
        assert all(p.equal(averaged[name].half().float()) for name, p in net.named_parameters())


# --- earlier rounds ------------------------------------------------------------------------------


def test_a_run_answers_as_it_was_at_a_kept_round_and_trains_on_undisturbed(run):
    alone = Run(store.fork(run.at, "ann"))
    for one in (run, alone):
        one.play()
        one.train(rounds=12)
    kept = store.states(run.at)
    assert kept[:3] == [0, 1, 2]
    questions = Questions(lambda run_id: run)
    first = {round: questions.ask(run.info.id, "weights", {}, "me", round) for round in (0, 2)}
    assert [answer["round"] for answer in first.values()] == [0, 2]
    assert first[0]["weight"] != first[2]["weight"]
    between = next(round for round in range(3, 12) if round not in kept)
    nearest = max(round for round in kept if round < between)
    assert questions.ask(run.info.id, "now", {}, "me", between) == {"round": nearest, "all": True}
    assert questions.ask(run.info.id, "now", {}, "me", 10**6)["round"] == 12
    for one in (run, alone):
        one.train(rounds=5)
    for name, tensor in run.model.state_dict().items():
        assert tensor.equal(alone.model.state_dict()[name]), name


def test_what_was_trained_again_after_a_rewind_is_read_again(run):
    run.play()
    run.train(rounds=6)
    questions = Questions(lambda run_id: run)
    before = questions.ask(run.info.id, "weights", {}, "me", 2)["weight"]
    run.do({"do": "set", "values": {"lr_G": 0.05, "lr_D": 0.05}})
    run.do({"do": "rewind", "round": 1})
    run.play()
    run.train(rounds=6)
    assert questions.ask(run.info.id, "weights", {}, "me", 2)["weight"] != before


def test_a_recording_answers_at_the_nearest_round_whose_weights_are_stored(run, monkeypatch):
    monkeypatch.setattr(store, "is_recording", lambda at: at == run.at)
    config = run.model.config.model_dump()
    for round, stored_at in ((2, 2), (5, 5), (9, None)):
        packed = wire.pack_state(halved(run.model), {"round": round, "config": config})
        store.write(store.weights(run.at, stored_at), packed)
        store.write(store.keyframe(run.at, round), b"a picture")
    store.write(store.keyframe(run.at, 7), b"a picture without weights")
    questions = Questions(lambda run_id: pytest.fail("it is no run"))
    asked = {None: 9, 99: 9, 9: 9, 8: 5, 7: 5, 5: 5, 4: 2, 2: 2, 0: 2}
    for round, answered in asked.items():
        assert questions.ask(run.info.id, "now", {}, "me", round)["round"] == answered, round
    for round in (2, 5):
        store.weights(run.at, round).unlink()
    assert questions.ask(run.info.id, "now", {}, "me", 3)["round"] == 9, "it has no others"
