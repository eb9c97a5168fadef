"""Integrated gradients: closed forms, and that they add up."""

import numpy as np
import pytest

from chainrule.inspect.attributions.gradients import integrated_gradients

GENERATOR = np.random.default_rng(3)


def test_a_quadratic_has_a_closed_form():
    a = GENERATOR.normal(size=(4, 4))
    row, background = GENERATOR.normal(size=4), GENERATOR.normal(size=(7, 4))
    found = integrated_gradients(lambda x: (((x @ a) * x).sum(1), x @ (a + a.T)), row, background)
    exact = np.mean([(row - start) * ((row + start) / 2 @ (a + a.T)) for start in background], axis=0)
    np.testing.assert_allclose(found.values, exact, rtol=1e-12)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-3, 1e-5])
def test_kinks_are_closed_in_on(tolerance):
    w, v = GENERATOR.normal(size=(5, 40)), GENERATOR.normal(size=40)

    def f(x):
        return np.maximum(x @ w, 0) @ v, ((x @ w > 0) * v) @ w.T

    row, background = 3 * GENERATOR.normal(size=5), GENERATOR.normal(size=(10, 5))
    found = integrated_gradients(f, row, background, tolerance)
    difference = f(row[None])[0][0] - f(background)[0].mean()
    assert found.gap <= tolerance * abs(difference)
    assert found.values.sum() == pytest.approx(difference, abs=found.gap * (1 + 1e-9))
    nearly = np.linspace(0, 1, 100_001)[:-1] + 5e-6
    fine = np.mean([(row - start) * f(start + nearly[:, None] * (row - start))[1].mean(0) for start in background], axis=0)
    np.testing.assert_allclose(found.values, fine, atol=tolerance * abs(difference) + 1e-3)


def test_a_steep_step_is_found_and_a_row_of_the_background_alone_gives_nothing():
    def f(x):
        return np.tanh(200 * (x[:, 0] - 0.013)), np.column_stack(
            [200 / np.cosh(np.clip(200 * (x[:, 0] - 0.013), -300, 300)) ** 2, 0 * x[:, 1]]
        )

    found = integrated_gradients(f, np.array([1.0, 1.0]), np.array([[-1.0, 0.0]]))
    assert found.values[0] == pytest.approx(2, rel=1e-3)
    assert found.values[1] == 0
    nothing = integrated_gradients(f, np.array([1.0, 1.0]), np.array([[1.0, 1.0]]))
    assert (nothing.values.tolist(), nothing.gap) == ([0.0, 0.0], 0.0)
