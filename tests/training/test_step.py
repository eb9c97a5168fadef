from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops
from chainrule.errors import DataError, DerivativeError, InputError, NonFiniteError, OptionError, StateError, TypeRuleError
from chainrule.training.state import State

RANDOM = np.random.default_rng(20)
X, LABELS = RANDOM.normal(size=(23, 4)), RANDOM.integers(0, 3, 23)
W = RANDOM.uniform(0.5, 2.0, 23)
NET = cr.nn.mlp(4, [6], 3, activation="tanh")


def classifier(network: Any = NET, optimizer: Any = None, **options: Any) -> Any:
    return cr.training_step(network, cr.losses.cross_entropy, optimizer or cr.optim.adam(1e-2), **options)


def same(a: State, b: State) -> bool:
    """Whether two states are equal, bit for bit."""
    arrays = [(left | a.optimizer, right | b.optimizer) for left, right in ((a.params, b.params), (a.buffers, b.buffers))]
    equal = all(left.keys() == right.keys() and all(np.array_equal(left[k], right[k]) for k in left) for left, right in arrays)
    position = [(s.seed, s.epoch, s.step, s.count, s.rate_scale, s.hyper) for s in (a, b)]
    return equal and position[0] == position[1]


# one step


def test_a_step_is_the_gradient_times_the_rate() -> None:
    step = classifier(optimizer=cr.optim.sgd(0.5), dtype="float64")
    state = step.init(seed=3)
    before = state.copy()
    value, gradients = cr.value_and_grad(lambda params: cr.losses.cross_entropy(NET(params, X), LABELS))(before.params)
    state, loss = step(state, X, LABELS)
    assert loss == pytest.approx(float(value), rel=1e-14)
    for path, gradient in gradients.items():
        np.testing.assert_allclose(state.params[path], before.params[path] - 0.5 * gradient, rtol=1e-12, atol=1e-15)


def test_steps_lower_the_loss_and_predict_agrees_with_the_network() -> None:
    step = classifier()
    state, losses = step.run(step.init(seed=0), (X, X[:, :3].argmax(axis=1)), epochs=60, batch_size=5)
    assert losses[-1] < 0.5 * losses[0]
    np.testing.assert_allclose(step.predict(state, X), NET(state.params, X.astype(np.float32)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_has_the_dtype_of_the_step(dtype: str) -> None:
    step = classifier(dtype=dtype)
    state, losses = step.run(step.init(), (X, LABELS, W), steps=2)
    arrays = [*state.params.values(), *state.optimizer.values(), losses, step.predict(state, X)]
    assert {array.dtype.name for array in arrays} == {dtype}


def test_float32_follows_float64() -> None:
    single, double = (classifier(dtype=dtype) for dtype in ("float32", "float64"))
    start = single.init(seed=1).params
    ends = [step.run(step.init(params=start), (X, LABELS), epochs=3, batch_size=5)[1] for step in (single, double)]
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-5)


# taking over


def test_a_step_takes_the_state_over_and_copy_keeps_it() -> None:
    step = classifier()
    first = step.init()
    kept = first.copy()
    second, _ = step(first, X, LABELS)
    for use in (lambda: step(first, X, LABELS), lambda: step.run(first, (X, LABELS)), lambda: step.predict(first, X), first.copy):
        with pytest.raises(StateError, match="taken over by a step"):
            use()
    again, _ = step(kept, X, LABELS)
    assert same(second, again)


def test_a_run_takes_the_state_over() -> None:
    step = classifier()
    state = step.init()
    new, _ = step.run(state, (X, LABELS))
    with pytest.raises(StateError):
        step.run(state, (X, LABELS))
    assert new.epoch == 1


def test_a_copy_shares_nothing() -> None:
    step = classifier()
    state = step.init()
    other = state.copy()
    for arrays in (other.params, other.optimizer):
        for array in arrays.values():
            array += 1
    other.hyper["lr"] = 9.0
    assert same(state, step.init())


def test_the_numbers_given_to_a_step_are_not_changed_by_it() -> None:
    step = classifier(dtype="float64")
    start = step.init().params
    given = {path: array.copy() for path, array in start.items()}
    data = X.copy(), LABELS.copy()
    step.run(step.init(params=given), data, epochs=2)
    assert all(np.array_equal(given[path], start[path]) for path in start)
    assert np.array_equal(data[0], X) and np.array_equal(data[1], LABELS)


@pytest.mark.parametrize(
    ("use", "error"),
    [
        (lambda step, state: step(state, X[:, :3], LABELS), TypeRuleError),
        (lambda step, state: step(state, X, LABELS[:5]), DataError),
        (lambda step, state: step(state, X, LABELS + 1), DataError),
        (lambda step, state: step(state, np.where(X > 2, np.nan, X), LABELS), NonFiniteError),
        (lambda step, state: step.run(state, (X, LABELS), batch_size=0), OptionError),
        (lambda step, state: step.run(state, (X, LABELS), steps=-1), OptionError),
        (lambda step, state: step.run(state, (X, LABELS), seed=-1), OptionError),
        (lambda step, state: step.run(state, (X, LABELS), order=lambda epoch: np.arange(99)), OptionError),
        (lambda step, state: step.run(state, (X, LABELS + 1), batch_size=4, epochs=3), DataError),
        (lambda step, state: step.run(state, (np.where(X > 2, np.inf, X), LABELS), batch_size=4), NonFiniteError),
    ],
)
def test_a_state_stays_usable_when_a_step_fails(use: Any, error: type[Exception]) -> None:
    step = classifier()
    state = step.init(seed=5)
    with pytest.raises(error):
        use(step, state)
    assert same(step.run(state, (X, LABELS))[0], step.run(step.init(seed=5), (X, LABELS))[0])


# initial weights


def test_initial_weights_can_be_given_for_all_paths_or_some() -> None:
    step = classifier()
    bias = np.arange(6)
    state = step.init(seed=1, params={"hidden_1.bias": bias})
    assert np.array_equal(state.params["hidden_1.bias"], bias) and state.params["hidden_1.bias"].dtype == np.float32
    assert np.array_equal(state.params["output.weight"], step.init(seed=1).params["output.weight"])
    given = {path: np.full(type.shape, 0.25, np.float64) for path, type in step.params.items()}
    made = classifier(params=given)
    assert made.dtype == "float64"
    assert all(np.array_equal(made.init(seed=7).params[path], given[path]) for path in given)


def test_given_weights_that_do_not_fit_are_refused() -> None:
    step = classifier()
    with pytest.raises(OptionError, match=r"no parameter 'hidden_1.wieght'. Did you mean 'hidden_1.weight'\?"):
        step.init(params={"hidden_1.wieght": np.zeros((4, 6))})
    with pytest.raises(TypeRuleError, match=r"'hidden_1.weight' has shape \(6, 4\) and should have f32\[4,6\]"):
        step.init(params={"hidden_1.weight": np.zeros((6, 4))})


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, True, "1"])
def test_a_seed_is_a_whole_number_of_32_bits(seed: Any) -> None:
    with pytest.raises(OptionError, match="seed"):
        classifier().init(seed=seed)


def test_initial_weights_depend_on_the_seed_alone() -> None:
    step = classifier()
    assert same(step.init(seed=4), step.init(seed=4))
    assert not np.array_equal(step.init(seed=4).params["output.weight"], step.init(seed=5).params["output.weight"])


def test_weights_that_are_given_are_not_drawn() -> None:
    def own(generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        drawn.append(shape)
        return generator.normal(size=shape)

    drawn: list[tuple[int, ...]] = []
    step = classifier(cr.nn.mlp(4, [6], 3, weight=own))
    state = step.init(params={"output.weight": np.ones((6, 3))})
    assert drawn == [(4, 6)]
    assert {array.dtype.name for array in state.params.values()} == {"float32"}  # whatever an initializer of one's own makes
    with pytest.raises(OptionError, match=r"initializer of 'output.weight' made an array of shape \(3,\)"):
        classifier(cr.nn.mlp(4, [6], 3, output_weight=lambda *_: np.ones(3))).init()


# frozen parameters


def test_frozen_patterns_stand_still_and_have_no_state() -> None:
    step = classifier(frozen=["*.bias", "output.*"])
    state = step.init()
    start = state.copy()
    state, _ = step.run(state, (X, LABELS), epochs=3)
    moved = {path for path in start.params if not np.array_equal(state.params[path], start.params[path])}
    assert moved == {"hidden_1.weight"}
    assert set(state.optimizer) == {"hidden_1.weight.m", "hidden_1.weight.v"}
    assert "d_output.weight" not in str(step.program)


def test_a_frozen_pattern_that_fits_nothing_is_refused() -> None:
    with pytest.raises(OptionError, match=r"frozen='hidden_2.\*' is not the path of a parameter"):
        classifier(frozen=["hidden_2.*"])


# penalties


def test_a_penalty_joins_the_loss_and_knows_the_rows() -> None:
    def penalty(params: Any, rows: Any) -> Any:
        return 0.5 * 0.3 * sum(ops.sum(array * array) for path, array in params.items() if path.endswith("weight")) / rows

    step = classifier(optimizer=cr.optim.sgd(0.1), penalty=penalty, dtype="float64")
    plain = classifier(optimizer=cr.optim.sgd(0.1), dtype="float64")
    for rows in (23, 7):
        state = step.init(seed=1)
        start = state.copy()
        after, loss = step(state, X[:rows], LABELS[:rows])
        bare, bare_loss = plain(start.copy(), X[:rows], LABELS[:rows])
        squares = sum(float((start.params[path] ** 2).sum()) for path in ("hidden_1.weight", "output.weight"))
        assert loss == pytest.approx(bare_loss + 0.15 * squares / rows, rel=1e-13)
        weight = "hidden_1.weight"
        np.testing.assert_allclose(after.params[weight], bare.params[weight] - 0.1 * 0.3 / rows * start.params[weight], rtol=1e-12)
        np.testing.assert_allclose(after.params["output.bias"], bare.params["output.bias"], rtol=1e-13)


# networks of other kinds


def line(params: Any, x: Any) -> Any:
    return x @ params["slope"] + params["offset"]


def test_a_plain_function_is_a_network() -> None:
    start = {"slope": np.zeros((2, 1)), "offset": np.zeros(1)}
    step = cr.training_step(line, cr.losses.mse, cr.optim.sgd(0.1), params=start, x="f64[B,2]", y="f64[B,1]")
    x = RANDOM.normal(size=(50, 2))
    state, _ = step.run(step.init(), (x, x @ [[2.0], [-1.0]] + 3.0), epochs=60, batch_size=10)
    np.testing.assert_allclose(np.concatenate([state.params["slope"].ravel(), state.params["offset"]]), [2, -1, 3], atol=1e-6)


def test_a_plain_function_needs_its_parameters_and_the_type_of_x() -> None:
    start = {"slope": np.zeros((2, 1)), "offset": np.zeros(1)}
    with pytest.raises(OptionError, match="give them: params="):
        cr.training_step(line, cr.losses.mse, cr.optim.sgd(0.1), x="f64[B,2]")
    with pytest.raises(OptionError, match=r"x='f32\[B,4\]'"):
        cr.training_step(line, cr.losses.mse, cr.optim.sgd(0.1), params=start)


@pytest.mark.parametrize("name", ["x", "y", "seed", "loss", "lr", "rate_scale", "count"])
def test_a_parameter_cannot_have_the_name_of_another_value(name: str) -> None:
    with pytest.raises(OptionError, match=f"the parameter '{name}' has the name of another value"):
        cr.training_step(lambda p, x: x @ p[name], cr.losses.mse, cr.optim.sgd(), params={name: np.zeros((2, 1))}, x="f64[B,2]")


def test_a_parameter_called_w_is_not_taken_for_the_row_weights() -> None:
    step = cr.training_step(lambda p, x: x @ p["w"], cr.losses.mse, cr.optim.sgd(0.1), params={"w": np.ones((2, 1))}, x="f64[B,2]")
    x, y = RANDOM.normal(size=(6, 2)), RANDOM.normal(size=(6, 1))
    state, _ = step(step.init(), x, y)
    with pytest.raises(OptionError, match="the parameter 'w' has the name of another value"):
        step(state, x, y, np.ones(6))


def test_x_may_be_a_dict_of_columns() -> None:
    def network(params: Any, x: Any) -> Any:
        return ops.gather(params["table"], x["city"]) + x["size"] @ params["slope"]

    step = cr.training_step(
        network,
        cr.losses.mse,
        cr.optim.adam(0.1),
        params={"table": np.zeros((3, 1)), "slope": np.zeros((2, 1))},
        x={"city": "i64[B]", "size": "f64[B,2]"},
        y="f64[B,1]",
    )
    city, size = RANDOM.integers(0, 3, 30), RANDOM.normal(size=(30, 2))
    y = np.array([[1.0], [-1.0], [4.0]])[city] + size @ [[0.5], [2.0]]
    state, _ = step.run(step.init(), ({"city": city, "size": size}, y), epochs=200, batch_size=7)
    np.testing.assert_allclose(step.predict(state, {"city": city, "size": size}), y, atol=1e-3)
    with pytest.raises(DataError, match=r"same number of rows: x.city 30, x.size 29, y 30"):
        step(state, {"city": city, "size": size[:29]}, y)


def test_one_layer_is_a_network() -> None:
    start = {"weight": np.zeros((4, 3), np.float32), "bias": np.zeros(3, np.float32)}
    step = cr.training_step(cr.nn.Dense(4, 3), cr.losses.cross_entropy, cr.optim.sgd(0.1), params=start, x="f32[B,4]")
    _, losses = step.run(step.init(), (X, LABELS), epochs=4, batch_size=None)
    assert losses[-1] < losses[0] == pytest.approx(np.log(3), rel=1e-6)


# targets and weights


def test_probabilities_are_targets_too() -> None:
    step = classifier(dtype="float64")
    shares = np.eye(3)[LABELS]
    by_label, loss = step(step.init(), X, LABELS)
    by_share, same_loss = step(step.init(), X, shares)
    assert same_loss == pytest.approx(loss, rel=1e-14)
    np.testing.assert_allclose(by_share.params["hidden_1.weight"], by_label.params["hidden_1.weight"], rtol=1e-12)
    assert step.program.input("y").type == cr.Type.parse("i64[B]")


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_rows_of_weight_0_are_as_if_absent(reduction: str) -> None:
    loss = lambda prediction, target, weights=None: cr.losses.cross_entropy(prediction, target, weights, reduction)  # noqa: E731
    step = cr.training_step(NET, loss, cr.optim.adam(0.01), y="i64[B]", dtype="float64")
    weights = W * (np.arange(23) % 3 > 0)
    present = weights > 0
    data = (X, LABELS, weights), (X[present], LABELS[present], weights[present])
    ends = [step.run(step.init(), part, epochs=5, batch_size=None) for part in data]
    np.testing.assert_allclose(ends[0][1], ends[1][1], rtol=1e-12)
    for path, array in ends[0][0].params.items():
        np.testing.assert_allclose(array, ends[1][0].params[path], rtol=1e-9, atol=1e-12)


def test_equal_weights_are_no_weights() -> None:
    step = classifier(dtype="float64")
    weighted, _ = step.run(step.init(), (X, LABELS, np.full(23, 2.5)), epochs=2)
    plain, _ = step.run(step.init(), (X, LABELS, None), epochs=2)
    np.testing.assert_allclose(weighted.params["output.weight"], plain.params["output.weight"], rtol=1e-10)


# errors


def test_a_shape_error_names_the_layer_and_shows_the_chain() -> None:
    step = classifier(cr.nn.mlp(4, [6, 5], 3))
    with pytest.raises(TypeRuleError, match=r"layer hidden_1: matmul: .*3 and 4 differ.*Shapes: x f32\[B,3\] → hidden_1 fails"):
        step.run(step.init(), (X[:, :3], LABELS))
    broken = cr.nn.Sequential({"first": cr.nn.Dense(4, 6), "second": cr.nn.Dense(5, 3)})
    with pytest.raises(TypeRuleError, match=r"layer second.*Shapes: x f32\[B,4\] → first f32\[B,6\] → second fails"):
        classifier(broken)


def test_targets_are_never_broadcast() -> None:
    step = cr.training_step(cr.nn.mlp(4, [3], 1), cr.losses.mse, cr.optim.sgd())
    with pytest.raises(TypeRuleError, match=r"f32\[B,1\].*f32\[B\].*must match exactly"):
        step(step.init(), X, X[:, 0])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((X, LABELS[:20]), "same number of rows: x 23, y 20"),
        ((X, LABELS, W[:3]), "same number of rows: x 23, y 23, w 3"),
        ((X, 3), "y is a scalar"),
        ((X.astype(str), LABELS), "encode it as numbers"),
        ((X,), r"a batch is \(x, y\) or \(x, y, w\)"),
        ([X, LABELS], r"a batch is \(x, y\) or \(x, y, w\)"),
        ((X[:0], LABELS[:0]), "there are no rows to train on"),
    ],
)
def test_data_that_make_no_batch_are_refused(data: Any, message: str) -> None:
    step = classifier()
    with pytest.raises(InputError, match=message):
        step.run(step.init(), data)


def test_a_loss_that_is_no_scalar_is_refused() -> None:
    with pytest.raises(DerivativeError, match=r"'loss' has type f32\[B\]"):
        cr.training_step(NET, lambda p, t: cr.losses.cross_entropy(p, t, reduction="none"), cr.optim.sgd(), y="i64[B]")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 2.5}, "batch_size is 2.5"),
        ({"epochs": 0}, "epochs is 0"),
        ({"steps": -1}, "steps is -1"),
        ({"epochs": 1, "steps": 1}, "epochs or steps, not both"),
        ({"threads": 0}, "threads is 0"),
        ({"seed": 2**32}, "the seed is"),
        ({"order": lambda epoch: np.arange(22)}, r"order\(0\) must return 23 row numbers from 0 to 22"),
        ({"order": lambda epoch: np.arange(23) - 1}, "row numbers"),
        ({"order": lambda epoch: np.arange(23) + 0.5}, "row numbers"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    step = classifier()
    with pytest.raises(OptionError, match=message):
        step.run(step.init(), (X, LABELS), **options)


@pytest.mark.parametrize("backend", ["llvm", "reference"])
def test_a_step_of_one_s_own_and_whole_epochs_after_it(backend: str) -> None:
    step = cr.training_step(cr.nn.mlp(2, [3], 1, dropout=0.5), cr.losses.mse, cr.optim.sgd(0.0001), backend=backend)
    x, y = np.ones((300, 2)), np.ones((300, 1))
    state, first = step(step.init(seed=0), x, y)
    state, second = step(state, x, y)
    assert first != second  # each draws its own mask
    state, losses = step.run(state, (x, y), epochs=2, batch_size=128)
    assert len(losses) == 6
    assert (state.epoch, state.step, state.count) == (4, 0, 8)


def test_what_cannot_be_used_is_one_sentence() -> None:
    net = cr.nn.mlp(2, [3], 1)
    with pytest.raises(OptionError, match="loss is 'mse' and must be a function"):
        cr.training_step(net, "mse", cr.optim.sgd())
    with pytest.raises(OptionError, match="optimizer is 'sgd' and must be an Optimizer"):
        cr.training_step(net, cr.losses.mse, "sgd")
    step = cr.training_step(net, cr.losses.mse, cr.optim.sgd())
    with pytest.raises(DataError, match="there are no rows"):
        step(step.init(), np.zeros((0, 2)), np.zeros((0, 1)))
    with pytest.raises(DataError, match="the weight of row 1 is not a number of at least 0"):
        step(step.init(), np.zeros((2, 2)), np.zeros((2, 1)), [1.0, -1.0])
    with pytest.raises(DataError, match=r"x is a dict of a; the network takes one array, f32\[B,2\]"):
        step(step.init(), {"a": np.zeros((2, 2))}, np.zeros((2, 1)))
    state = step.init()
    state.hyper["lrr"] = 1.0
    with pytest.raises(OptionError, match="'lrr' is missing or not known; sgd has lr"):
        step(state, np.zeros((2, 2)), np.zeros((2, 1)))


def test_states_and_runs_are_short_to_print() -> None:
    run = cr.fit(cr.nn.mlp(2, [3], 1), (np.zeros((4, 2)), np.zeros((4, 1))), loss=cr.losses.mse, optimizer=cr.optim.sgd(), epochs=2)
    assert repr(run.state) == "State(epoch=2, step=0, count=2, seed=0; 13 parameters)"
    assert repr(run.history) == "History(2 epochs)"
    assert max(map(len, (repr(run), repr(run.step.program)))) < 120


@pytest.mark.parametrize("value", ["x", None, [0.1], True])
def test_a_rate_that_is_no_number_is_refused(value: Any) -> None:
    step = classifier()
    for state, where in ((step.init(), "hyper['lr']"), (step.init(), "rate_scale")):
        if where == "rate_scale":
            state.rate_scale = value
        else:
            state.hyper["lr"] = value
        with pytest.raises(OptionError, match=re.escape(f"state.{where} is {value!r} and must be a number.")):
            step.run(state, (X, LABELS))
    state = step.init()
    state.hyper["lr"] = np.float32(0.25)  # type: ignore[assignment] - NumPy's numbers are numbers
    step.run(state, (X, LABELS))


def test_a_step_is_not_pickled_and_its_state_is() -> None:
    step = classifier()
    with pytest.raises(InputError, match="cannot be pickled; pickle its State"):
        pickle.dumps(step)
    state = step.init()
    assert same(pickle.loads(pickle.dumps(state)), state)
    assert copy.deepcopy(step) is step


@pytest.mark.parametrize("backend", ["llvm", "reference"])
@pytest.mark.parametrize("order", [None, lambda epoch: np.arange(9)[::-1]])
def test_steps_on_some_rows_of_the_data_are_those_on_a_copy_of_them(backend: str, order: Any) -> None:
    rows = np.array([22, 3, 17, 1, 0, 9, 14, 5, 6])
    step = classifier(backend=backend)
    some = step.start(step.init(1), (X, LABELS, W), batch_size=4, order=order, rows=rows)
    copy_of_them = step.start(step.init(1), (X[rows], LABELS[rows], W[rows]), batch_size=4, order=order)
    assert some.feed.per_epoch == copy_of_them.feed.per_epoch == 3
    np.testing.assert_array_equal(some.take(8), copy_of_them.take(8))
    assert same(some.end(), copy_of_them.end())


@pytest.mark.parametrize("dtype", ["float64", "uint8", ">f4"])
def test_many_rows_of_another_dtype_are_predicted_without_a_copy_of_all(monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    step = cr.training_step(cr.nn.mlp(4, [5], 3), cr.losses.cross_entropy, cr.optim.sgd(0.1))
    state, x = step.init(), (10 * np.random.default_rng(0).random((57, 4))).astype(dtype)
    whole = step.predict(state, x)
    monkeypatch.setattr("chainrule.training.step._CONVERTED_AT_ONCE", 40)  # ten rows
    convert, rows = step._array, []
    monkeypatch.setattr(step, "_array", lambda x, expected: rows.append(len(x)) or convert(x, expected))
    assert step.predict(state, x).tobytes() == whole.tobytes()
    assert rows == [10] * 5 + [7]


@pytest.mark.parametrize("rows", [[0, 23], [-1, 2], [0.0, 1.0], [[0, 1]]])
def test_rows_that_the_data_does_not_have_are_refused(rows: Any) -> None:
    step = classifier()
    with pytest.raises(OptionError, match=r"rows must be whole numbers from 0 to 22, on one axis\."):
        step.start(step.init(), (X, LABELS), rows=np.array(rows))


def test_a_row_of_another_dtype_may_be_wider_than_what_is_converted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chainrule.training.step._CONVERTED_AT_ONCE", 3)
    step = classifier()
    state = step.init()
    np.testing.assert_array_equal(step.predict(state, X), step.predict(state, X.astype(np.float32)))
    with pytest.raises(TypeRuleError):
        step.predict(state, np.zeros((2, 7)))
