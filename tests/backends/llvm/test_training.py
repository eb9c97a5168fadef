"""Compiled training through the public interface: slices, failures, caches."""

from __future__ import annotations

import copy
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops
from chainrule.backends.llvm import Training
from chainrule.backends.reference import Reference
from chainrule.data.batches import permutation
from chainrule.errors import DataError, NonFiniteError, OptionError, TypeRuleError

X = np.random.default_rng(0).standard_normal((61, 4)).astype(np.float32)
LABELS = np.random.default_rng(1).integers(0, 3, 61)


def classifier(**options):
    net = cr.nn.mlp(4, [19, 8], 3, dropout=0.2)
    return cr.training_step(
        net, loss=cr.losses.cross_entropy, optimizer=cr.optim.chain(cr.optim.clip_by_norm(1.0), cr.optim.adam(1e-2)), **options
    )


def same(first, second):
    return all(first.params[path].tobytes() == second.params[path].tobytes() for path in first.params)


def test_any_slicing_and_any_number_of_threads_give_the_same_bits():
    step = classifier()
    whole, losses = step.run(step.init(3), (X, LABELS), epochs=4, batch_size=8, threads=1)
    for slices in ((7, 20, 5), (1,) * 32, (31, 1)):
        state, parts = step.init(3), []
        for number in slices:
            state, part = step.run(state, (X, LABELS), steps=number, batch_size=8, threads=4)
            parts.append(part)
        assert np.concatenate(parts).tobytes() == losses.tobytes() and same(state, whole)
    assert (whole.epoch, whole.step, whole.count) == (4, 0, 32)


def test_the_compiled_run_is_the_reference_run():
    ours, reference = classifier(dtype="float64"), classifier(dtype="float64", backend="reference")
    state, losses = ours.run(ours.init(1), (X, LABELS), epochs=25, batch_size=8)
    expected, expected_losses = reference.run(reference.init(1), (X, LABELS), epochs=25, batch_size=8)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-9)
    for path in state.params:
        scale = np.abs(expected.params[path]).max()
        assert np.abs(state.params[path] - expected.params[path]).max() <= 1e-9 * scale


def test_one_step_is_one_step_of_a_run():
    step = classifier()
    one, loss = step(step.init(), X[:8], LABELS[:8])
    run, losses = step.run(step.init(), (X[:8], LABELS[:8]), steps=1, batch_size=8, shuffle=False)
    assert loss == losses[0] and same(one, run) and (one.epoch, one.step) == (1, 0)


@pytest.mark.parametrize("bad", [3, -1, 2**62])
def test_a_hostile_label_is_an_error_and_nothing_else_happens(bad):
    labels = LABELS.copy()
    labels[40] = bad
    for step in (classifier(), classifier(backend="reference")):
        state = step.init()
        with pytest.raises(DataError, match=f"row 40 holds index {bad}, outside of the range 0 to 2"):
            step.run(state, (X, labels), epochs=1, batch_size=8)
        with pytest.raises(DataError, match=f"row 3 holds index {bad}, outside of the range 0 to 2"):
            step(state, X[37:], labels[37:])
        state.check()
        assert same(state, step.init())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((1, 19), np.float32), r"'hidden_1.weight' has type f32\[1,19\] and should have f32\[4,19\]"),
        (np.zeros((4, 20), np.float32), r"'hidden_1.weight' has type f32\[4,20\] and should have f32\[4,19\]"),
        (np.zeros((4, 19)), r"'hidden_1.weight' has type f64\[4,19\] and should have f32\[4,19\]"),
        (None, r"'hidden_1.weight' \(f32\[4,19\]\) is missing"),
    ],
)
@pytest.mark.parametrize("backend", ["llvm", "reference"])
def test_a_state_that_does_not_fit_is_refused(backend, given, message):
    step = classifier(backend=backend)
    state = step.init()
    stepper = step.start(step.init(), (X, LABELS))
    if given is None:
        del state.params["hidden_1.weight"]
    else:
        state.params["hidden_1.weight"] = given
    with pytest.raises(TypeRuleError, match=message):
        step.run(state, (X, LABELS), epochs=1)
    with pytest.raises(TypeRuleError, match=message):
        step(state, X, LABELS)
    if given is not None:
        with pytest.raises(TypeRuleError, match=message):
            stepper.state = state
            stepper.take(1)


def test_a_loss_that_is_not_finite_is_explained_and_the_state_before_it_kept():
    x = X.copy()
    x[50, 2] = np.nan
    step, reference = classifier(), classifier(backend="reference")
    failures = []
    for each in (step, reference):
        with pytest.raises(NonFiniteError) as caught:
            each.run(each.init(), (x, LABELS), epochs=3, batch_size=8)
        failures.append(caught.value)
    assert "row 50" in str(failures[0]) and str(failures[0]) == str(failures[1])
    assert (failures[0].state.epoch, failures[0].state.step) == (failures[1].state.epoch, failures[1].state.step)
    for path in failures[0].state.params:
        np.testing.assert_allclose(failures[0].state.params[path], failures[1].state.params[path], rtol=1e-4, atol=1e-5)


def test_a_gradient_that_overflows_is_found():
    step = cr.training_step(cr.nn.mlp(4, [], 1), loss=cr.losses.mse, optimizer=cr.optim.sgd(1e30))
    y = X[:, :1]
    with pytest.raises(NonFiniteError, match=r"epoch 1, step [123]"):
        step.run(step.init(), (X, y), epochs=1, batch_size=8)


def test_a_copy_compiles_for_itself():
    step = classifier()
    state, losses = step.run(step.init(), (X, LABELS), batch_size=8)
    copied = copy.deepcopy(step)
    again, same_losses = copied.run(copied.init(), (X, LABELS), batch_size=8)
    assert losses.tobytes() == same_losses.tobytes() and same(state, again)
    assert copied.predict(again, X).tobytes() == step.predict(state, X).tobytes()


def test_no_backend_of_another_name():
    with pytest.raises(OptionError, match="choose one of auto, llvm, reference"):
        classifier(backend="cuda")


def test_two_threads_of_a_program_share_one_step():
    step = classifier()
    alone = [step.run(step.init(seed), (X, LABELS), epochs=4000, batch_size=8)[0] for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda seed: step.run(step.init(seed), (X, LABELS), epochs=4000, batch_size=8)[0], range(4)))
    assert all(same(a, b) for a, b in zip(alone, together, strict=True))


def test_the_steps_before_a_failure_are_taken_again_bit_for_bit():
    x = X.copy()
    x[50, 2] = np.inf
    step = classifier()
    failing = int(np.flatnonzero(permutation(0, 0, len(X)) == 50)[0]) // 8
    with pytest.raises(NonFiniteError) as caught:
        step.run(step.init(), (x, LABELS), epochs=1, batch_size=8)
    before, _ = step.run(step.init(), (x, LABELS), steps=failing, batch_size=8) if failing else (step.init(), None)
    assert same(caught.value.state, before) and caught.value.state.step == failing
    for part in (f"epoch 1, step {failing + 1}", "x", "row 50", "column 2", "inf"):
        assert part in str(caught.value)


def test_the_layer_of_a_number_that_is_not_finite_is_named():
    step = classifier()
    state = step.init(params={"hidden_2.weight": np.full((19, 8), 3e38, np.float32)})
    with pytest.raises(NonFiniteError, match=r"hidden_2\.\w+ = .* gave -?(inf|nan) at row \d+, column \d+"):
        step.run(state, (X, LABELS), epochs=1, batch_size=8)


@pytest.mark.parametrize("divisor", [3.0, -0.7, 2e-38, 1e-39, 1e-45, 3e38, np.inf])
def test_an_update_divides_by_any_scalar(divisor):
    def update(gradients, state, parameters, scalars):
        by = ops.cast(scalars["divisor"], dtype="float32")
        return {path: gradient * 1e-3 * min(divisor, 1.0) / by for path, gradient in gradients.items()}, {}

    optimizer = cr.optim.Optimizer("divided", {"divisor": divisor}, {}, update)
    step = cr.training_step(cr.nn.mlp(4, [19], 3), loss=cr.losses.cross_entropy, optimizer=optimizer)
    state, batch = step.init(0), {"x": X, "y": LABELS}
    expected = Reference(step.program)(state.inputs(batch))
    meta = np.array([[0, len(X), 0, 0]], np.int64)
    result = Training(step.program).run(state.inputs({}), batch, np.arange(len(X)), meta)
    assert result.status == 0
    for path in state.params:
        np.testing.assert_allclose(result.state[path], expected[path], rtol=1e-6, atol=1e-7)
        assert (result.state[path] != state.params[path]).any() == (expected[path] != state.params[path]).any()


def test_memory_is_used_again_when_nobody_holds_an_earlier_state():
    step = classifier()
    first, _ = step.run(step.init(0), (X, LABELS), epochs=1, batch_size=8)
    weight, before = first.params["hidden_1.weight"], first.params["hidden_1.weight"].copy()
    second, _ = step.run(first, (X, LABELS), epochs=1, batch_size=8)
    where = {second.params["hidden_1.weight"].ctypes.data, weight.ctypes.data}
    assert len(where) == 2
    for _ in range(4):  # the first state is still held, by one of its arrays
        second, _ = step.run(second, (X, LABELS), epochs=1, batch_size=8)
        where.add(second.params["hidden_1.weight"].ctypes.data)
    assert len(where) == 3 and (weight == before).all()


def test_a_session_goes_on_with_any_number_of_threads_and_leaves_its_memory_to_the_next():
    step = classifier()
    training = Training(step.program)
    inputs, batch = step.init(0).inputs({}), {"x": X, "y": LABELS}
    order, meta = np.arange(len(X)), np.array([[0, len(X), 0, 0]] * 12, np.int64)
    expected = training.run(inputs, batch, order, meta)
    session = training.begin(inputs)
    losses = [session.take(batch, order, meta[:3], threads) for threads in (2, 1, 3, 2)]  # a thread that pauses catches up
    middle = session.state()
    assert np.concatenate(losses).tobytes() == expected.losses.tobytes()
    other = training.begin(inputs)
    assert other.frame is not session.frame
    after = training.end(session)
    assert all(after[name].tobytes() == middle[name].tobytes() == expected.state[name].tobytes() for name in expected.state)
    assert training.begin(inputs).frame is session.frame


@pytest.mark.parametrize("started", [1, 2])
def test_ctrl_c_while_threads_start_leaves_none_behind(monkeypatch, started):
    step = classifier()
    training, inputs = Training(step.program), step.init(0).inputs({})
    batch, order, meta = {"x": X, "y": LABELS}, np.arange(len(X)), np.array([[0, len(X), 0, 0]] * 12, np.int64)
    session = training.begin(inputs)
    start, threads = threading.Thread.start, []

    def interrupted(thread):
        start(thread)
        threads.append(thread)
        if len(threads) == started:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            session.take(batch, order, meta, 3)
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    expected, again = (training.run(inputs, batch, order, meta, number) for number in (1, 3))
    assert again.losses.tobytes() == expected.losses.tobytes()


def test_how_many_steps_fit_into_a_call_is_known_for_each_batch_size():
    step = classifier()
    state, _ = step.run(step.init(), (X, LABELS), epochs=2, batch_size=61)
    native = step.native(step.signature)
    native.seconds[61] = 1e-9  # of many rows a row costs next to nothing
    assert native.slice(61) > 1000 and native.slice(1) == 1
    state, _ = step.run(state, (X, LABELS), steps=3, batch_size=1)
    assert native.slice(1) >= 1 and native.seconds[1] > 1e-9
