"""The options of a training: one table from which the Python function, the command line, configuration files and the docs are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from chainrule.backends import BACKENDS
from chainrule.data.target_transform import OPTIONS as TRANSFORMS
from chainrule.errors import OptionError, nearest
from chainrule.nn.activations import ACTIVATIONS, Activation, activation, activations
from chainrule.optim import OPTIMIZERS
from chainrule.training.metrics import METRICS
from chainrule.training.until import Predicate, until
from chainrule.training.whole_numbers import check_seed
from chainrule.words import setting, word

AUTO = "auto"


def option(default: Any, group: str, text: str, metavar: str = "", off: str = "") -> Any:
    """Declare an option: its default, the group it is listed in, what it does, and how its value is written on the command line.

    ``off`` says what the flag ``--no-NAME`` does, where an option is on by default.
    """
    metadata = {"group": group, "help": text, "metavar": metavar, "off": off}
    return field(default=default, metadata=metadata)


_COLUMN = ("weight", "group", "time")


@dataclass(frozen=True)
class Options:
    """The options of :func:`chainrule.train`, in the command line's words: the flag of ``weight_decay`` is ``--weight-decay``.

    Raises:
        OptionError: a value is out of range; one sentence says which and what it may be.
    """

    # columns
    drop: tuple[str, ...] = option((), "columns", "Columns to leave out.", "COLUMNS")
    categorical: tuple[str, ...] = option((), "columns", "Columns to take as categories.", "COLUMNS")
    numeric: tuple[str, ...] = option((), "columns", "Columns to take as numbers.", "COLUMNS")
    date: tuple[str, ...] = option((), "columns", "Columns to take as dates, NAME or NAME=FORMAT.", "COLUMNS")
    weight: str | None = option(None, "columns", "A column that says how much each row counts.", "COLUMN")
    missing: tuple[str, ...] = option((), "columns", "Words that mean a missing value, in place of the usual ones.", "WORDS")
    delimiter: str | None = option(None, "columns", "What separates cells; found out unless given.", "CHAR")
    decimal: str | None = option(None, "columns", "The decimal separator, '.' or ','; found out unless given.", "CHAR")
    encoding: str | None = option(None, "columns", "The file's encoding; found out unless given.", "NAME")
    header: bool = option(
        True, "columns", "Whether the first line holds the names of the columns.", off="The first line holds cells, not names."
    )
    drop_missing_target: bool = option(False, "columns", "Leave out rows whose target is missing.")
    # rows
    split: str | None = option(None, "rows", "Percentages for training, validation and test; 64,16,20 unless given.", "PARTS")
    group: str | None = option(None, "rows", "A column whose values are never on two sides of the split.", "COLUMN")
    time: str | None = option(None, "rows", "A column of times: train on the past, test on the latest.", "COLUMN")
    split_seed: int | None = option(None, "rows", "Of the split alone; that of --seed unless given.", "N")
    valid: str | None = option(None, "rows", "A file of validation rows; in Python a data frame as well.", "FILE")
    test: str | None = option(None, "rows", "A file of test rows; in Python a data frame as well.", "FILE")
    folds: int | None = option(None, "rows", "Measure by cross-validation with so many folds, in place of a test part.", "N")
    # network
    hidden: tuple[int, ...] = option((128, 128), "network", "Widths of the hidden layers.", "WIDTHS")
    activation: tuple[str | Activation, ...] = option(
        ("relu",), "network", "Activation of the hidden layers, or one for each: " + ", ".join(ACTIVATIONS) + ".", "NAMES"
    )
    dropout: float = option(0.0, "network", "Share of hidden outputs that are dropped in training.", "RATE")
    loss: str | None = option(None, "network", "The loss; the task's own unless given. pinball: quantiles, poisson: counts.", "NAME")
    quantile: tuple[float, ...] = option((), "network", "What --loss pinball predicts, such as 0.1,0.5,0.9; 0.5 unless given.", "QUANTILES")
    target_transform: str = option(
        "standardize", "network", "What is done to a target of numbers, and undone to predictions: " + ", ".join(TRANSFORMS) + ".", "NAME"
    )
    task: str | None = option(None, "network", "classification or regression; decided from the target unless given.", "TASK")
    # training
    optimizer: str = option("adamw", "training", ", ".join(OPTIMIZERS) + ".", "NAME")
    lr: float = option(0.003, "training", "The learning rate.", "RATE")
    weight_decay: float = option(0.1, "training", "How strongly weights shrink.", "RATE")
    batch_size: int | str = option(AUTO, "training", "Rows a step, or 'all'; 32 to 256 by the number of rows unless given.", "N")
    epochs: int | str = option(AUTO, "training", "At most so many passes over the training rows.", "N")
    patience: int | None = option(30, "training", "Stop after so many epochs without improvement; 0 never.", "N")
    until: str | Predicate | None = option(None, "training", "Stop when this holds, such as 'accuracy >= 0.97'.", "CONDITION")
    time_budget: float | None = option(None, "training", "Stop after so many seconds.", "SECONDS")
    metric: str | None = option(None, "training", "The validation metric that picks the best weights; the loss unless given.", "NAME")
    class_weight: str | Mapping[Any, Any] | None = option(
        None, "training", "How much classes count: 'balanced', all alike; yes=2,no=1; of several targets A=balanced,B:yes=2.", "WEIGHTS"
    )
    calibrate: bool = option(
        True, "training", "Fit the temperature of probabilities on the validation rows.", off="Leave the probabilities as they are."
    )
    threshold: float | str | None = option(
        None, "training", "The probability from which on the second of two classes is answered, or a metric that picks it.", "WHERE"
    )
    statistics: bool = option(
        True, "training", "Sample single steps for the diagnosis and the report.", off="Sample no steps: diagnosis and report know less."
    )
    seed: int = option(0, "training", "Of the split, the initial weights, the order of rows and dropout.", "N")
    threads: int | None = option(None, "training", "At most so many threads.", "N")
    backend: str = option(AUTO, "training", "What runs the program: llvm, reference, or auto: llvm where it is installed.", "NAME")
    dtype: str = option("float32", "training", "float32 or float64.", "NAME")
    trees: bool = option(
        True,
        "training",
        "Whether gradient-boosted trees are measured beside the network, where scikit-learn is installed.",
        off="Measure no gradient-boosted trees beside the network (they need scikit-learn).",
    )

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            known = ", ".join(OPTIMIZERS)
            raise OptionError(
                f"{setting('optimizer', self.optimizer)} is not known; choose one of {known}.{nearest(self.optimizer, OPTIMIZERS)}"
            )
        if self.target_transform not in TRANSFORMS:
            known = ", ".join(TRANSFORMS)
            said = f"{setting('target_transform', self.target_transform)} is not known; choose one of {known}."
            raise OptionError(said + nearest(self.target_transform, TRANSFORMS))
        for quantile in self.quantile:
            _within("quantile", quantile, 0.0, 1.0, open_low=True)
        if self.quantile and self.loss != "pinball":
            raise OptionError(f"{word('quantile')} belongs to {setting('loss', 'pinball')}; give both.")
        if not (self.class_weight is None or isinstance(self.class_weight, (str, Mapping))):
            fitting = "'balanced', or a weight for each class such as 'yes=2,no=1'"
            raise OptionError(f"{word('class_weight')} is {self.class_weight!r} and must be {fitting}.")
        for name in _COLUMN:
            if not isinstance(getattr(self, name), (str, type(None))):
                raise OptionError(f"{word(name)} is a {type(getattr(self, name)).__name__} and must be the name of a column of the table.")
        _threshold(self.threshold)
        _layers(self.hidden)
        for one in activations(self.activation, len(self.hidden)) or self.activation:
            activation(one)
        _within("dropout", self.dropout, 0.0, 1.0)
        _within("lr", self.lr, 0.0, float("inf"), open_low=True)
        _within("weight_decay", self.weight_decay, 0.0, float("inf"))
        _whole("batch_size", self.batch_size, 1, (AUTO, "all"))
        _whole("epochs", self.epochs, 1, (AUTO,))
        _whole("patience", self.patience, 0, (None,))
        _whole("threads", self.threads, 1, (None,))
        _whole("folds", self.folds, 2, (None,))
        if self.folds is not None and self.test is not None:
            raise OptionError(f"{word('folds')} measures on the rows of the table, each of them once; leave it or {word('test')} out.")
        if self.time_budget is not None:
            _within("time_budget", self.time_budget, 0.0, float("inf"), open_low=True)
        if isinstance(self.until, str):
            until(self.until)
        elif self.until is not None and not callable(self.until):
            raise OptionError(f"{word('until')} is {self.until!r} and must be a condition, or a function of the history.")
        check_seed(self.seed)
        if self.split_seed is not None:
            check_seed(self.split_seed, word("split_seed"))
        if self.backend not in BACKENDS:
            known = ", ".join(BACKENDS)
            raise OptionError(f"{setting('backend', self.backend)} is not known; choose one of {known}.{nearest(self.backend, BACKENDS)}")
        if self.dtype not in ("float32", "float64"):
            raise OptionError(
                f"{setting('dtype', self.dtype)} is not known; choose float32 or float64.{nearest(self.dtype, ('float32', 'float64'))}"
            )

    @classmethod
    def of(cls, given: dict[str, Any]) -> Options:
        """Make options from keyword arguments: texts and single numbers stand for lists of one, ``"a,b"`` for columns a and b.

        Numbers and arrays of NumPy, and the columns of a data frame, are taken as Python's. ``valid`` and ``test`` may be data frames.

        Raises:
            OptionError: there is no option of that name, or its value is out of range.
        """
        known = {item.name: item for item in fields(cls)}
        for name in given:
            if name not in known:
                raise OptionError(f"there is no option '{name}'.{nearest(name, known)}")
        plain = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in given.items()}
        plain |= {name: str(plain[name]) for name in _COLUMN if isinstance(plain.get(name), int)}  # a data frame's columns can be numbers
        values: dict[str, Any] = {name: _listed(name, v) if isinstance(known[name].default, tuple) else v for name, v in plain.items()}
        return cls(**values)


def _listed(name: str, value: Any) -> tuple[Any, ...]:
    parse: Callable[[str], Any] = _width if name == "hidden" else _quantile if name == "quantile" else str
    if isinstance(value, str):
        parts = [part.strip() for part in value.split(",")]
        return tuple(parse(part) for part in parts if part or (name == "hidden" and len(parts) > 1))
    several = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    return several if name in ("hidden", "quantile", "activation") else tuple(map(str, several))  # a data frame's columns can be numbers


def _width(text: str) -> Any:
    return int(text) if text.isdigit() else text


def _quantile(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _layers(hidden: tuple[Any, ...]) -> None:
    for number, width in enumerate(hidden, 1):
        if not isinstance(width, int) or isinstance(width, bool) or not 1 <= width <= 100_000:
            raise OptionError(
                f"{word('hidden')}: the width of hidden layer {number} is {width!r} and must be a whole number from 1 to 100,000; "
                "write the widths like 64,64 (or '' for no hidden layer)."
            )


def _threshold(value: Any) -> None:
    fitting = [metric.name for metric in METRICS.values() if metric.takes == "classes"]
    if isinstance(value, str) and value not in fitting:
        what = f"a number above 0 and below 1, or one of {', '.join(fitting)}"
        raise OptionError(f"{word('threshold')} is {value!r} and must be {what}.{nearest(value, fitting)}")
    if value is not None and not isinstance(value, str):
        _within("threshold", value, 0.0, 1.0, open_low=True)


def _within(name: str, value: Any, low: float, high: float, *, open_low: bool = False) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not (low < value < high or (value == low and not open_low)):
        bound = f"above {low:g}" if open_low else f"at least {low:g}"
        raise OptionError(
            f"{word(name)} is {value!r} and must be a number {bound}" + ("." if high == float("inf") else f" and below {high:g}.")
        )


def _whole(name: str, value: Any, least: int, words: tuple[Any, ...]) -> None:
    if value in words and not isinstance(value, bool):
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        others = [f"'{word}'" for word in words if isinstance(word, str)]
        raise OptionError(f"{word(name)} is {value!r} and must be {' or '.join([*others, f'a whole number of at least {least}'])}.")
