"""The linear models that a network has to beat: ridge regression in closed form, logistic and Poisson regression by Newton's method.

All are penalized by ½·``STRENGTH``·‖weight‖², enough to make them unique on collinear inputs and finite on separable ones. They expect
inputs (rows, units) that are standardized, and row weights whose mean is about 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]

STRENGTH = 1.0
"""The penalty of a weight, against a sum over the rows: that of scikit-learn's ``Ridge(alpha=1)`` and ``LogisticRegression(C=1)``."""

_BIAS_STRENGTH = 1e-6  # the softmax does not feel a constant that is added to all biases: without any penalty they would be free to drift
_NEWTON_STEPS = 30
_CONJUGATE_STEPS = 60
_TOLERANCE = 1e-6


def ridge_regression(x: Floats, y: Floats, counts: Floats) -> tuple[Floats, float]:
    """Return the weight (units,) and the bias that minimize ½Σ count·(x·weight + bias − y)² + ½·STRENGTH·‖weight‖².

    With X and y centered and each row times √count, the weight is (XᵀX + I)⁻¹Xᵀy, which is also Xᵀ(XXᵀ + I)⁻¹y; the smaller of the two
    systems is solved. Source: Hoerl and Kennard (1970), Ridge regression.
    """
    x_mean, y_mean = np.average(x, axis=0, weights=counts), np.average(y, weights=counts)
    root = np.sqrt(counts)
    X, residual = (x - x_mean) * root[:, None], (y - y_mean) * root
    rows, units = X.shape
    if units <= rows:
        weight = np.linalg.solve(X.T @ X + STRENGTH * np.eye(units), X.T @ residual)
    else:
        weight = X.T @ np.linalg.solve(X @ X.T + STRENGTH * np.eye(rows), residual)
    return weight, float(y_mean - x_mean @ weight)


def logistic_regression(x: Floats, y: NDArray[np.integer[Any]], classes: int, counts: Floats) -> tuple[Floats, Floats]:
    """Return the weight (units, classes) and the bias (classes,) of the softmax model that fits class indices ``y`` best.

    Minimizes Σ count·(−ln softmax(x @ weight + bias)[y]) + ½·STRENGTH·‖weight‖².
    """
    goal = np.zeros((len(x), classes))
    goal[np.arange(len(x)), y] = 1.0

    def fit_of(logits: Floats) -> tuple[float, Floats]:
        logits = logits - logits.max(axis=1, keepdims=True)
        mass = np.exp(logits)
        total = mass.sum(axis=1, keepdims=True)
        return float(counts @ (np.log(total[:, 0]) - logits[np.arange(len(x)), y])), mass / total

    def curved(p: Floats, change: Floats) -> Floats:
        weighted: Floats = p * change
        weighted -= p * weighted.sum(axis=1, keepdims=True)
        return weighted

    return _newton(x, goal, counts, np.zeros(classes), fit_of, curved)


def poisson_regression(x: Floats, y: Floats, counts: Floats) -> tuple[Floats, float]:
    """Return the weight (units,) and the bias of the rate exp(x @ weight + bias) that fits counts ``y`` of at least 0 best.

    Minimizes Σ count·(y·ln(y / rate) − y + rate) + ½·STRENGTH·‖weight‖², of which the first is half the deviance. Source: McCullagh and
    Nelder (1989), Generalized Linear Models, chapter 6.
    """
    least = y * np.log(np.where(y > 0, y, 1.0)) - y

    def fit_of(logarithm: Floats) -> tuple[float, Floats]:
        with np.errstate(over="ignore", invalid="ignore"):  # a step that is too long is taken back
            rate = np.exp(logarithm)
            return float(counts @ (least + (rate - y[:, None] * logarithm)[:, 0])), rate

    start = np.log(np.maximum(np.average(y, weights=counts), np.finfo(np.float64).tiny))
    weight, bias = _newton(x, y[:, None], counts, np.array([start]), fit_of, lambda rate, change: rate * change)
    return weight[:, 0], float(bias[0])


def _newton(
    x: Floats,
    goal: Floats,
    counts: Floats,
    start: Floats,
    fit_of: Callable[[Floats], tuple[float, Floats]],
    curved: Callable[[Floats, Floats], Floats],
) -> tuple[Floats, Floats]:
    """Return the weight (units, outputs) and the bias (outputs,) of a linear model by Newton's method.

    Each step is found by conjugate gradients from products with the Hessian, which is never formed, and shortened until the loss falls
    enough. Source: Nocedal and Wright (2006), Numerical Optimization, algorithm 7.1 (line search Newton-CG).

    Args:
        x, goal, counts: inputs (rows, units), what the means should be (rows, outputs), and how much each row counts.
        start: the bias to begin with.
        fit_of: returns the loss of outputs (rows, outputs) without penalty, and their means, of which the gradient is count·(mean − goal).
        curved: returns by how much the means change, of outputs that change so much.
    """
    X = np.column_stack([x, np.ones(len(x))])
    penalty = np.full((X.shape[1], 1), STRENGTH)
    penalty[-1] = _BIAS_STRENGTH
    theta = np.zeros((X.shape[1], len(start)))
    theta[-1] = start

    def loss_of(parameters: Floats) -> tuple[float, Floats]:
        fit, mean = fit_of(X @ parameters)
        return fit + 0.5 * float(np.sum(penalty * parameters**2)), mean

    loss, mean = loss_of(theta)
    for _ in range(_NEWTON_STEPS):
        gradient = X.T @ (counts[:, None] * (mean - goal)) + penalty * theta
        step = _newton_step(X, mean, counts, penalty, gradient, curved)
        slope = float(np.sum(gradient * step))
        if -slope <= _TOLERANCE * (1 + loss):
            break
        length = 1.0
        while True:
            next_loss, next_mean = loss_of(theta + length * step)
            if next_loss <= loss + 1e-4 * length * slope:
                break
            length /= 2
            if length < 1e-6:  # rounding hides any further fall: this is the minimum
                return theta[:-1], theta[-1]
        theta, loss, mean = theta + length * step, next_loss, next_mean
    return theta[:-1], theta[-1]


def softmax(logits: Floats) -> Floats:
    """Return exp(logits) (rows, classes), each row divided by its sum."""
    mass = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Floats = mass / mass.sum(axis=1, keepdims=True)
    return probabilities


def _newton_step(
    X: Floats, mean: Floats, counts: Floats, penalty: Floats, gradient: Floats, curved: Callable[[Floats, Floats], Floats]
) -> Floats:
    """Solve Hessian·step = −gradient by conjugate gradients, as exactly as the size of the gradient deserves.

    The Hessian of the loss times a direction V is Xᵀ(count·curved(XV)) + penalty∘V.
    """
    step = np.zeros_like(gradient)
    residual = -gradient
    direction = residual
    square = float(np.sum(residual**2))
    enough = square * min(0.1, square**0.5) ** 2
    for _ in range(_CONJUGATE_STEPS):
        if square <= enough:
            break
        product = X.T @ (counts[:, None] * curved(mean, X @ direction)) + penalty * direction
        length = square / float(np.sum(direction * product))
        step = step + length * direction
        residual = residual - length * product
        square, previous = float(np.sum(residual**2)), square
        direction = residual + square / previous * direction
    return step
