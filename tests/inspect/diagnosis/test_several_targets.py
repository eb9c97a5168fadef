"""Of several targets, each is looked at alone, and a finding says which one it is about."""

from __future__ import annotations

import numpy as np
import pandas as pd

import chainrule as cr

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(800, 4))


def diagnosed(**targets):
    frame = pd.DataFrame(X, columns=list("pqrs")).assign(**targets)
    names = [name for name in targets if name != "code"]
    return cr.diagnose(cr.train(frame, names, hidden=(16,), epochs=10, trees=False))


def test_classes():
    a = np.where(X[:, 0] + X[:, 1] > 0, "yes", "no")
    b = np.where(RANDOM.random(800) < 0.03, "rare", "often")
    found = diagnosed(a=a, b=b, code=np.where(a == "yes", 13, 3))
    assert [(finding.code, finding.layer) for finding in found] == [("leakage", "code"), ("class_imbalance", "'b' = rare")]
    assert "guessing 'a'" in found.findings[0].evidence


def test_quantities():
    found = diagnosed(u=2 * X[:, 0] + X[:, 1], v=np.exp(4 * X[:, 1]))
    assert found.findings[0].code == "target_scale"
    assert {finding.layer for finding in found} == {"'v'"}


def test_nothing_is_said_where_all_is_well():
    assert diagnosed(u=2 * X[:, 0] + X[:, 1], v=X[:, 2] - X[:, 3]).healthy
