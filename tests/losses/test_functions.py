"""The losses against PyTorch's, in value and gradient, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F  # noqa: N812 - everybody's name for it

from chainrule import losses, ops
from chainrule.backends.reference import evaluate
from chainrule.errors import DataError, OptionError, TypeRuleError
from chainrule.ir import B, Type
from chainrule.losses import LOSSES, binary_cross_entropy, cross_entropy, half_squared_error, huber, mae, mse, pinball, poisson, target_type
from chainrule.losses.joint import JointCrossEntropy
from chainrule.transforms import reverse, value_and_grad

LABELS = np.array([0, 2, 1, 1, 0, 2, 2])
ROWS, CLASSES = len(LABELS), 3
CLASS_WEIGHTS = [0.5, 2.0, 1.25]

ELEMENTWISE: dict[str, tuple[Callable[..., Any], Callable[..., torch.Tensor]]] = {
    "mse": (mse, F.mse_loss),
    "half_squared_error": (half_squared_error, lambda p, y, reduction: 0.5 * F.mse_loss(p, y, reduction=reduction)),
    "mae": (mae, F.l1_loss),
    "huber": (huber, F.huber_loss),
    "huber, delta 0.4": (partial(huber, delta=0.4), partial(F.huber_loss, delta=0.4)),
    "pinball": (pinball, lambda p, y, reduction: 0.5 * F.l1_loss(p, y, reduction=reduction)),
    "pinball, quantile 0.8": (partial(pinball, quantile=0.8), lambda p, y, reduction: torch.maximum(0.8 * (y - p), -0.2 * (y - p))),
    "poisson": (poisson, partial(F.poisson_nll_loss, log_input=True)),
    "binary_cross_entropy": (binary_cross_entropy, F.binary_cross_entropy_with_logits),
}


def batch(shape: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A prediction, a target from 0 to 1, and weights, one of them 0."""
    random = np.random.default_rng(seed)
    weights = random.uniform(0.1, 2.0, shape[0])
    weights[1] = 0.0
    return random.normal(size=shape) * 1.5, random.uniform(0.0, 1.0, shape), weights


def traced(loss: Callable[..., Any], prediction: np.ndarray, target: np.ndarray, weights: np.ndarray | None) -> tuple[Any, Any]:
    """The value and the gradient by the prediction, from a program for any number of rows."""

    def function(prediction: Any, target: Any, *weights: Any) -> Any:
        return loss(prediction, target, *weights)

    arrays = {"prediction": prediction, "target": target} | ({} if weights is None else {"x2": weights})
    program = ops.trace(function, *(Type(a.dtype.name, (B, *a.shape[1:])) for a in arrays.values()))
    cotangent = "cotangent" if program.output("out").type.shape else None
    given = {"cotangent": np.ones(len(prediction), prediction.dtype)} if cotangent else {}
    out = evaluate(reverse(program, ["prediction"], of="out", cotangent=cotangent), arrays | given)
    return out["out"], out["d_prediction"]


def witnessed(rows_of: Callable[[torch.Tensor], torch.Tensor], prediction: np.ndarray) -> tuple[Any, Any]:
    """The value and the gradient of a function of PyTorch."""
    leaf = torch.tensor(prediction, requires_grad=True)
    value = rows_of(leaf)
    value.sum().backward()
    return value.detach().numpy(), leaf.grad.numpy()  # type: ignore[union-attr] - backward has set it


def reduced(rows: torch.Tensor, weights: np.ndarray | None, reduction: str, total: torch.Tensor | float | None = None) -> torch.Tensor:
    w = torch.ones(len(rows), dtype=rows.dtype) if weights is None else torch.tensor(weights)
    if reduction == "mean":
        return (rows * w).sum() / (w.sum() if total is None else total)
    return (rows * w).sum() if reduction == "sum" else rows * w


def assert_the_same(ours: tuple[Any, Any], theirs: tuple[Any, Any]) -> None:
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.shape == other.shape
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(ROWS,), (ROWS, 1), (ROWS, 3), (ROWS, 2, 2)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_loss_is_pytorchs(name: str, reduction: str, weighted: bool, shape: tuple[int, ...]) -> None:
    ours, theirs = ELEMENTWISE[name]
    prediction, target, weights = batch(shape)
    w = weights if weighted else None

    def rows(p: torch.Tensor) -> torch.Tensor:
        each = theirs(p, torch.tensor(target), reduction="none").reshape(len(p), -1)
        return each.sum(1) if name == "half_squared_error" else each.mean(1)

    assert_the_same(
        traced(partial(ours, reduction=reduction), prediction, target, w),
        witnessed(lambda p: reduced(rows(p), w, reduction), prediction),
    )


@pytest.mark.parametrize("shape", [(ROWS,), (ROWS, 3)])
@pytest.mark.parametrize("name", sorted(ELEMENTWISE.keys() - {"half_squared_error", "pinball, quantile 0.8"}))
def test_an_unweighted_mean_is_pytorchs_own(name: str, shape: tuple[int, ...]) -> None:
    ours, theirs = ELEMENTWISE[name]
    prediction, target, _ = batch(shape, 1)
    assert_the_same(
        traced(ours, prediction, target, None), witnessed(lambda p: theirs(p, torch.tensor(target), reduction="mean"), prediction)
    )


def class_targets(kind: str) -> np.ndarray:
    if kind == "probabilities":
        shares = np.random.default_rng(4).dirichlet(np.ones(CLASSES), ROWS)
        shares[0] = [0.0, 1.0, 0.0]
        return shares
    return LABELS.astype(kind)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("class_weights", [None, CLASS_WEIGHTS, [0.0, 1.0, 2.0]])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("kind", ["int64", "int32", "probabilities"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy_is_pytorchs(reduction: str, kind: str, smoothing: float, class_weights: list[float] | None, weighted: bool) -> None:
    logits, _, weights = batch((ROWS, CLASSES))
    w = weights if weighted else None
    target = class_targets(kind)
    theirs = torch.tensor(target) if kind == "probabilities" else torch.tensor(target.astype(np.int64))
    c = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float64)
    options: dict[str, Any] = {"weight": c, "label_smoothing": smoothing}

    def witness(p: torch.Tensor) -> torch.Tensor:
        if not weighted:
            return F.cross_entropy(p, theirs, reduction=reduction, **options)
        by_class = c is not None and kind != "probabilities"
        total = (torch.tensor(weights) * c[theirs]).sum() if by_class else None  # type: ignore[index] - by_class says that it is there
        return reduced(F.cross_entropy(p, theirs, reduction="none", **options), weights, reduction, total)

    ours = partial(cross_entropy, reduction=reduction, class_weights=class_weights, label_smoothing=smoothing)
    assert_the_same(traced(ours, logits, target, w), witnessed(witness, logits))


@pytest.mark.parametrize("class_weights", [None, CLASS_WEIGHTS])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("kind", ["int64", "probabilities"])
def test_a_whole_weight_is_that_many_rows(kind: str, smoothing: float, class_weights: list[float] | None) -> None:
    logits, _, _ = batch((ROWS, CLASSES))
    times = np.array([2, 0, 1, 3, 1, 1, 4])
    target = class_targets(kind)
    loss = partial(cross_entropy, class_weights=class_weights, label_smoothing=smoothing)
    value, gradient = traced(loss, logits, target, times.astype(np.float64))
    again, of_each = traced(loss, logits.repeat(times, 0), target.repeat(times, 0), None)
    np.testing.assert_allclose(value, again, rtol=1e-14)
    summed = np.zeros_like(logits)
    np.add.at(summed, np.arange(ROWS).repeat(times), of_each)
    np.testing.assert_allclose(gradient, summed, rtol=1e-12, atol=1e-16)


@given(st.sampled_from(sorted(ELEMENTWISE)), st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 4))
@settings(max_examples=60)
def test_equal_weights_change_no_mean(name: str, seed: int, rows: int, outputs: int) -> None:
    loss, _ = ELEMENTWISE[name]
    prediction, target, _ = batch((max(rows, 2), outputs), seed)
    plain = traced(loss, prediction, target, None)
    weighted = traced(loss, prediction, target, np.full(len(prediction), 0.7))
    for mine, other in zip(plain, weighted, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*LOSSES, "class weights"])
def test_no_weight_at_all_is_no_loss(name: str, dtype: str) -> None:
    loss = partial(cross_entropy, class_weights=[0.0, 0.0, 1.0]) if name == "class weights" else LOSSES[name]
    prediction, target, _ = batch((4, 3))
    y = np.array([0, 1, 1, 0]) if loss is cross_entropy or name == "class weights" else target.astype(dtype)
    w = None if name == "class weights" else np.zeros(4, dtype)  # with class weights it is the labels' own weights that are all 0
    value, gradient = traced(loss, prediction.astype(dtype), y, w)
    assert value == 0.0
    assert value.dtype == gradient.dtype == dtype
    assert not gradient.any()


def test_a_row_of_weight_zero_says_nothing() -> None:
    prediction, target, weights = batch((ROWS, 3))
    for loss in (mse, huber, binary_cross_entropy):
        changed = prediction.copy()
        changed[1] += 1000.0
        one, other = traced(loss, prediction, target, weights), traced(loss, changed, target, weights)
        assert one[0] == other[0]
        assert np.array_equal(one[1], other[1])
        assert not one[1][1].any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_logits_give_finite_losses_and_gradients(dtype: str) -> None:
    logits = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4], [1e30, 0.0, -1e30], [-1e30, -1e30, -1e30]], dtype)
    shares = np.full((4, 3), 1 / 3, dtype)
    for options in ({}, {"label_smoothing": 0.1, "class_weights": CLASS_WEIGHTS}):
        for target in (np.array([1, 0, 0, 2]), shares):
            value, gradient = traced(partial(cross_entropy, reduction="none", **options), logits, target, None)
            assert np.isfinite(value).all()
            assert np.isfinite(gradient).all()
    value, gradient = traced(partial(cross_entropy, reduction="none"), logits, np.array([1, 0, 0, 2]), None)
    np.testing.assert_allclose(value, [2e4, 2e4 + np.log(2), 0.0, np.log(3)], rtol=1e-6)
    np.testing.assert_allclose(gradient, [[1, -1, 0], [-1, 0.5, 0.5], [0, 0, 0], [1 / 3, 1 / 3, -2 / 3]], rtol=1e-6)
    z, t = logits.reshape(-1)[:9], np.array([0, 1, 0, 1, 0, 1, 1, 0, 0], dtype)
    value, gradient = traced(partial(binary_cross_entropy, reduction="none"), z, t, None)
    np.testing.assert_allclose(value, np.where(t == 1, np.maximum(-z, 0), np.maximum(z, 0)) + np.where(z == 0, np.log(2), 0), rtol=1e-6)
    np.testing.assert_allclose(gradient, np.where(z == 0, 0.5, z > 0) - t, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_large_error_costs_huber_its_delta_for_each_unit(dtype: str) -> None:
    prediction = np.array([1e20, -1e30, 3.0, np.inf], dtype)
    value, gradient = traced(partial(huber, delta=2.0, reduction="none"), prediction, np.zeros(4, dtype), None)
    np.testing.assert_allclose(value, [2e20, 2e30, 4.0, np.inf], rtol=1e-6)
    assert gradient.tolist() == [2.0, -2.0, 2.0, 2.0]


def test_a_huge_delta_makes_huber_half_the_square() -> None:
    prediction, target, _ = batch((ROWS, 1))
    assert_the_same(traced(partial(huber, delta=np.inf), prediction, target, None), traced(half_squared_error, prediction, target, None))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_confident_network_still_has_a_loss(dtype: str) -> None:
    """The loss of a right answer is log(1 + exp(−margin)), however large the logits are."""
    right = np.log1p(np.exp(-9.0))
    rtol = 1e-3 if dtype == "float32" else 1e-12  # 1 + exp(−9) is rounded
    for largest in (9.0, 109.0, 8201.0):
        logits = np.array([[largest, largest - 9.0]], dtype)
        np.testing.assert_allclose(cross_entropy(logits, np.array([0])), right, rtol=rtol)
        np.testing.assert_allclose(cross_entropy(logits, np.array([[1.0, 0.0]], dtype)), right, rtol=rtol)
    for z, t in ((9.0, 1.0), (-9.0, 0.0)):
        np.testing.assert_allclose(binary_cross_entropy(np.array([z], dtype), np.array([t], dtype)), right, rtol=8 * np.finfo(dtype).eps)


# arrays, and what losses expect


@pytest.mark.parametrize("name", LOSSES)
def test_arrays_give_what_the_program_gives(name: str) -> None:
    prediction, target, weights = batch((ROWS, CLASSES))
    y = LABELS if name == "cross_entropy" else target
    value, gradient = traced(LOSSES[name], prediction, y, weights)
    assert LOSSES[name](prediction, y, weights) == value
    again, slope = value_and_grad(LOSSES[name])(prediction, y, weights)
    np.testing.assert_allclose(again, value, rtol=1e-15)
    np.testing.assert_allclose(slope, gradient, rtol=1e-14)


def test_the_type_of_the_target_follows_from_the_loss() -> None:
    logits = Type.parse("f32[B,3]")
    assert target_type(cross_entropy, logits) == Type.parse("i64[B]")
    assert target_type(partial(cross_entropy, label_smoothing=0.1), logits) == Type.parse("i64[B]")
    for loss in (mse, mae, huber, half_squared_error, binary_cross_entropy, partial(huber, delta=2.0)):
        assert target_type(loss, logits) == logits


@pytest.mark.parametrize(("name", "loss"), LOSSES.items())
def test_losses_are_known_by_their_names(name: str, loss: Callable[..., Any]) -> None:
    assert getattr(losses, name) is loss
    assert loss.__name__ == name


# listings


def listing(loss: Callable[..., Any], *types: str) -> str:
    def function(prediction: Any, target: Any, *weights: Any) -> Any:
        with ops.scope(phase="loss"):
            return loss(prediction, target, *weights)

    return " ".join(str(ops.trace(function, *types)).split())


def test_a_listing_shows_every_factor() -> None:
    smoothed = partial(cross_entropy, class_weights=CLASS_WEIGHTS, label_smoothing=0.25)
    text = listing(smoothed, "f32[B,3]", "i64[B]", "f32[B]")
    for line in (
        "class_weights: f32[3] = [0.5 , 2. , 1.25]",
        "label_loss: f32[B] = cross_entropy(prediction, label target)",
        "class_weight: f32[B] = class_weights[target]",
        "class_weighted_loss: f32[B] = class_weight * label_loss",
        "= 0.75 * class_weighted_loss",
        "= 0.25 * uniform_loss",
        "weighted_row_loss: f32[B] = row_loss * x2",
        "row_weight: f32[B] = class_weight * x2",
        "total_weight: f32[] = sum(row_weight, axes [0])",
    ):
        assert line in text
    assert "capped: f32[B,2] = min(absolute_error, 1.5)" in listing(partial(huber, delta=1.5), "f32[B,2]", "f32[B,2]")
    text = listing(mse, "f32[B,3]", "f32[B,3]")
    for line in ("error: f32[B,3] = prediction - target", "squared_error: f32[B,3] = error * error", "row_loss: f32[B] = v1 / 3", "/ B"):
        assert line in text


# what is refused


@pytest.mark.parametrize("name", sorted(LOSSES.keys() - {"cross_entropy"}))
@pytest.mark.parametrize(
    ("prediction", "target"),
    [
        ("f32[B,1]", "f32[B]"),
        ("f32[B]", "f32[B,1]"),
        ("f32[B,3]", "f32[B]"),
        ("f32[B,3]", "f32[1,3]"),
        ("f32[B,3]", "f32[B,1]"),
        ("f32[B]", "f32[]"),
        ("f32[B]", "f64[B]"),
        ("f32[B]", "i64[B]"),
        ("f32[B]", "bool[B]"),
    ],
)
def test_a_target_of_another_type_is_refused(name: str, prediction: str, target: str) -> None:
    with pytest.raises(TypeRuleError) as caught:
        ops.trace(LOSSES[name], prediction, target)
    sentence = "the prediction is {} and the target {}; they must match exactly (reshape or cast the target)."
    assert str(caught.value) == sentence.format(prediction, target)


@pytest.mark.parametrize(
    ("prediction", "target"),
    [
        ("f32[B,3]", "f32[B]"),
        ("f32[B,3]", "f64[B,3]"),
        ("f32[B,3]", "f32[1,3]"),
        ("f32[B,3]", "i64[B,1]"),
        ("f32[B,3]", "i64[1]"),
        ("f32[B,3]", "i64[]"),
        ("f32[B,3]", "i64[B,3]"),
        ("f32[B,3]", "bool[B]"),
    ],
)
def test_cross_entropy_refuses_other_targets(prediction: str, target: str) -> None:
    with pytest.raises(TypeRuleError) as caught:
        ops.trace(cross_entropy, prediction, target)
    assert prediction in str(caught.value)
    assert target in str(caught.value)


@pytest.mark.parametrize("prediction", ["f32[B]", "f32[B,2,3]", "f32[]", "f32[B,B]"])
def test_cross_entropy_needs_rows_of_logits(prediction: str) -> None:
    with pytest.raises(TypeRuleError, match=r"needs logits of type \[B, classes\]"):
        ops.trace(cross_entropy, prediction, "i64[B]")


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("weights", ["f32[B,1]", "f32[1]", "f32[]", "f32[B,3]", "f64[B]", "i64[B]"])
def test_weights_of_another_type_are_refused(name: str, weights: str) -> None:
    with pytest.raises(TypeRuleError) as caught:
        ops.trace(LOSSES[name], "f32[B,3]", "i64[B]" if name == "cross_entropy" else "f32[B,3]", weights)
    assert f"the weights are {weights}; for this loss they are f32[B]" in str(caught.value)


def test_a_number_is_no_prediction() -> None:
    with pytest.raises(TypeRuleError, match=r"the prediction is f32\[\] and needs an axis of rows"):
        ops.trace(mse, "f32[]", "f32[]")


@pytest.mark.parametrize("kind", ["int64", "int32"])
@pytest.mark.parametrize("label", [-1, 3, 1000])
@pytest.mark.parametrize("options", [{}, {"class_weights": CLASS_WEIGHTS}, {"label_smoothing": 0.1}])
def test_a_class_number_out_of_range_is_refused(options: dict[str, Any], label: int, kind: str) -> None:
    logits, _, _ = batch((ROWS, CLASSES))
    wrong = LABELS.astype(kind)
    wrong[5] = label
    with pytest.raises(DataError, match=f"row 5 holds index {label}, outside of the range 0 to 2"):
        traced(partial(cross_entropy, **options), logits, wrong, None)


@pytest.mark.parametrize(
    ("loss", "types", "says"),
    [
        *((partial(loss, reduction="average"), 2, "'average'") for loss in LOSSES.values()),
        (partial(mse, reduction=None), 2, "None"),
        *((partial(huber, delta=delta), 2, repr(delta)) for delta in (0.0, -1.0, float("nan"), "1", None, True)),
        *((partial(cross_entropy, label_smoothing=share), 2, repr(share)) for share in (-0.1, 1.0, float("nan"), "0.1", None, True)),
        *(
            (partial(cross_entropy, class_weights=numbers), 2, "class_weights")
            for numbers in (
                [1.0, -1.0, 1.0],
                [1.0, float("nan"), 1.0],
                [1.0, float("inf"), 1.0],
                {"a": 1.0},
                "balanced",
                [[1.0], [1.0, 2.0]],
            )
        ),
    ],
)
def test_a_bad_option_is_refused_in_one_sentence(loss: Callable[..., Any], types: int, says: str) -> None:
    base = loss.func if isinstance(loss, partial) else loss
    with pytest.raises(OptionError) as caught:
        ops.trace(loss, "f32[B,3]", "i64[B]" if base is cross_entropy else "f32[B,3]")
    assert says in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("numbers", [[1.0, 2.0], [1.0, 2.0, 3.0, 4.0], 1.0, [[1.0, 2.0, 3.0]]])
def test_class_weights_are_one_number_a_class(numbers: Any) -> None:
    with pytest.raises(TypeRuleError, match=r"should have \[3\] for logits f32\[B,3\]"):
        ops.trace(partial(cross_entropy, class_weights=numbers), "f32[B,3]", "i64[B]")


def test_each_output_has_a_quantile_of_its_own() -> None:
    prediction, target, weights = batch((ROWS, 3))
    quantiles = [0.1, 0.5, 0.9]
    value, gradient = traced(partial(pinball, quantile=quantiles), prediction, target, weights)
    alone = [traced(partial(pinball, quantile=q), prediction[:, [i]], target[:, [i]], weights) for i, q in enumerate(quantiles)]
    np.testing.assert_allclose(value, np.mean([v for v, _ in alone]), rtol=1e-14)
    np.testing.assert_allclose(gradient, np.concatenate([g for _, g in alone], axis=1) / 3, rtol=1e-14)


@given(st.floats(0.05, 0.95), st.integers(5, 60))
@settings(max_examples=40)
def test_the_least_pinball_loss_is_at_the_quantile(q: float, rows: int) -> None:
    values = np.random.default_rng(rows).normal(size=rows)
    loss = [pinball(np.full(rows, guess), values, quantile=q) for guess in values]
    assert min(loss) == pytest.approx(pinball(np.full(rows, np.quantile(values, q, method="inverted_cdf")), values, quantile=q))


@pytest.mark.parametrize("quantile", [0.0, 1.0, -0.5, "half", True, (), (0.1, 2.0)])
def test_a_quantile_out_of_range_is_refused(quantile: Any) -> None:
    with pytest.raises(OptionError, match="above 0 and below 1"):
        pinball(np.zeros((2, 2)), np.zeros((2, 2)), quantile=quantile)


def test_another_number_of_quantiles_than_of_outputs_is_refused() -> None:
    with pytest.raises(TypeRuleError, match="2 quantiles"):
        pinball(np.zeros((2, 3)), np.zeros((2, 3)), quantile=[0.1, 0.9])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_joint_cross_entropy_is_the_sum_of_its_parts(reduction: str, weighted: bool) -> None:
    logits, _, weights = batch((ROWS, 5))
    target = np.stack([LABELS % 2, LABELS], axis=1)
    w = weights if weighted else None
    loss = partial(JointCrossEntropy((2, 3)), reduction=reduction)
    own = [(logits[:, :2], target[:, 0]), (logits[:, 2:], target[:, 1])]
    parts = [traced(partial(cross_entropy, reduction=reduction), *one, w) for one in own]
    value, gradient = traced(loss, logits, target, w)
    np.testing.assert_allclose(value, parts[0][0] + parts[1][0], rtol=1e-14)
    np.testing.assert_allclose(gradient, np.concatenate([parts[0][1], parts[1][1]], axis=1), rtol=1e-14)
