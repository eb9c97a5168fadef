"""The two linear models that a network has to beat: ridge regression in closed form, and logistic regression by Newton's method.

Both are penalized by ½·``STRENGTH``·‖weight‖², enough to make them unique on collinear inputs and finite on separable ones. They expect
inputs (rows, units) that are standardized, and row weights whose mean is about 1.
"""

from __future__ import annotations

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

    Minimizes Σ count·(−ln softmax(x @ weight + bias)[y]) + ½·STRENGTH·‖weight‖² by Newton's method. Each step is found by conjugate
    gradients from products with the Hessian, which is never formed, and shortened until the loss falls enough. Source: Nocedal and
    Wright (2006), Numerical Optimization, algorithm 7.1 (line search Newton-CG).
    """
    X = np.column_stack([x, np.ones(len(x))])
    penalty = np.full((X.shape[1], 1), STRENGTH)
    penalty[-1] = _BIAS_STRENGTH
    theta = np.zeros((X.shape[1], classes))
    goal = np.zeros((len(x), classes))
    goal[np.arange(len(x)), y] = 1.0

    def loss_of(parameters: Floats) -> tuple[float, Floats]:
        logits = X @ parameters
        logits -= logits.max(axis=1, keepdims=True)
        mass = np.exp(logits)
        total = mass.sum(axis=1, keepdims=True)
        fit = counts @ (np.log(total[:, 0]) - logits[np.arange(len(x)), y])
        return float(fit + 0.5 * np.sum(penalty * parameters**2)), mass / total

    loss, p = loss_of(theta)
    for _ in range(_NEWTON_STEPS):
        gradient = X.T @ (counts[:, None] * (p - goal)) + penalty * theta
        step = _newton_step(X, p, counts, penalty, gradient)
        slope = float(np.sum(gradient * step))
        if -slope <= _TOLERANCE * (1 + loss):
            break
        length = 1.0
        while True:
            next_loss, next_p = loss_of(theta + length * step)
            if next_loss <= loss + 1e-4 * length * slope:
                break
            length /= 2
            if length < 1e-6:  # rounding hides any further fall: this is the minimum
                return theta[:-1], theta[-1]
        theta, loss, p = theta + length * step, next_loss, next_p
    return theta[:-1], theta[-1]


def softmax(logits: Floats) -> Floats:
    """Return exp(logits) (rows, classes), each row divided by its sum."""
    mass = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Floats = mass / mass.sum(axis=1, keepdims=True)
    return probabilities


def _newton_step(X: Floats, p: Floats, counts: Floats, penalty: Floats, gradient: Floats) -> Floats:
    """Solve Hessian·step = −gradient by conjugate gradients, as exactly as the size of the gradient deserves.

    The Hessian of the softmax's loss times a direction V is Xᵀ(count·(p∘Z − p·Σ(p∘Z))) + penalty∘V, with Z = XV.
    """
    step = np.zeros_like(gradient)
    residual = -gradient
    direction = residual
    square = float(np.sum(residual**2))
    enough = square * min(0.1, square**0.5) ** 2
    for _ in range(_CONJUGATE_STEPS):
        if square <= enough:
            break
        weighted = p * (X @ direction)
        weighted -= p * weighted.sum(axis=1, keepdims=True)
        product = X.T @ (counts[:, None] * weighted) + penalty * direction
        length = square / float(np.sum(direction * product))
        step = step + length * direction
        residual = residual - length * product
        square, previous = float(np.sum(residual**2)), square
        direction = residual + square / previous * direction
    return step
