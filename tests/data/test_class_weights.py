from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from chainrule.data.class_weights import balanced, class_weights, of_targets
from chainrule.errors import OptionError


def test_balanced_weights_are_scikit_learns() -> None:
    y = np.array([0, 0, 0, 0, 1, 2, 2])
    assert np.allclose(balanced(np.bincount(y)), compute_class_weight("balanced", classes=np.arange(3), y=y))
    assert balanced([4, 0, 4]).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("given", ["yes=2.5,no=1", '"yes"=2.5', {"yes": 2.5}, " yes = 2.5 "])
def test_classes_that_are_not_named_count_one(given: object) -> None:
    assert class_weights(given, ["no", "yes"], [9, 1], "y") == (1.0, 2.5)  # type: ignore[arg-type]  # both kinds


def test_weights_may_be_numbers_of_numpy() -> None:
    assert class_weights({"no": np.int64(3), "yes": np.float32(0.5)}, ["no", "yes"], [1, 1], "y") == (3.0, 0.5)


def test_labels_are_named_as_they_are_spelled() -> None:
    assert class_weights({True: 3}, [False, True], [1, 1], "y") == class_weights("true=3", [False, True], [1, 1], "y") == (1.0, 3.0)
    assert class_weights("7=0", [3, 7], [1, 1], "y") == class_weights({7: 0}, [3, 7], [1, 1], "y") == (1.0, 0.0)
    assert class_weights('"a,b=c"=2', ["a,b=c", "d"], [1, 1], "y") == (2.0, 1.0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("yes=-1", "weight of 'yes' is -1.0"),
        ("yes=inf", "weight of 'yes' is inf"),
        ({"yes": "two"}, "weight of 'yes' is 'two'"),
        ("yes=0,no=0", "all classes have a weight of 0"),
        ("yse=2", "no class 'yse'.*Did you mean 'yes'"),
        ("equal", "write 'balanced'"),
        ("=2", "write 'balanced'"),
        ("yes=many", "write 'balanced'"),
    ],
)
def test_weights_that_cannot_be_are_refused(given: object, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        class_weights(given, ["no", "yes"], [1, 1], "y")  # type: ignore[arg-type]  # what a person may write


@pytest.mark.parametrize("given", ["a:b=balanced, a:yes=2,a:no=0.5", {"a:b": "balanced", "a": {"yes": 2, "no": 0.5}}])
def test_each_of_several_targets_has_weights_of_its_own(given: object) -> None:
    assert of_targets(given, ["a", "a:b", "c"]) == [{"yes": 2, "no": 0.5}, "balanced", None]  # type: ignore[arg-type]  # both kinds


def test_what_is_said_of_one_target_or_of_all_is_handed_on() -> None:
    assert of_targets("yes=2", ["a"]) == ["yes=2"]
    assert of_targets("balanced", ["a", "b"]) == ["balanced", "balanced"]
    assert of_targets(None, ["a", "b"]) == [None, None]
    assert of_targets('"a:x,y=z"=2', ["a", "b"]) == [{"x,y=z": 2}, None]
