"""Every exception that Chainrule raises on purpose.

::

    Exception
    └── ChainruleError
        ├── InputError (ValueError)          what was given cannot be used: a file, a column, an option, a batch
        │   ├── DataError                    a table or a cell of it; says file, line, column
        │   │   └── IndexRangeError          a label or code out of its range; says row, index and range
        │   ├── OptionError                  an option or argument out of range, or options that exclude each other
        │   ├── FileFormatError              a model file that is damaged, foreign, or newer than this version
        │   └── AnswerError                  an answer to an exercise that cannot be read as one
        ├── TypeRuleError (TypeError)        shapes or dtypes that do not fit; says the layer and the shapes
        ├── ProgramError (ValueError)        a Program that breaks a rule of the intermediate representation
        ├── DerivativeError (TypeError)      a gradient was asked for where none is defined
        ├── StateError (RuntimeError)        a training state was used after a step had taken it over
        └── NonFiniteError (ArithmeticError) the loss became NaN or infinite; says step, equation and row

    UserWarning
    └── DataWarning                          what is doubtful about a table, before it is trained on; says the evidence

Each message is one or two sentences: what is wrong, where, and what to do about it. The command line exits with status 2 for an
``InputError`` and with 1 for the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class ChainruleError(Exception):
    """The base of every exception that Chainrule raises on purpose."""


class InputError(ChainruleError, ValueError):
    """What was given cannot be used."""


class DataError(InputError):
    """A table, or a cell of it, cannot be used."""


class DataWarning(UserWarning):
    """A table can be used, and what is measured on it may not mean what it seems to: a column may give the target away …"""


class IndexRangeError(DataError):
    """A label or code is out of its range.

    Args:
        place: where it stands in its array. ``index``: what stands there. ``size``: of the range. ``length``: of the array.
    """

    def __init__(self, place: Sequence[int], index: int, size: int, length: int) -> None:
        super().__init__(place, index, size, length)
        self.place, self.index, self.size, self.length = place, index, size, length

    def __str__(self) -> str:
        column = f", column {', '.join(map(str, self.place[1:]))}" if self.place[1:] else ""
        where = f"row {self.place[0]}{column}" if self.place else "the index"
        return f"{where} holds index {self.index}, outside of the range 0 to {self.size - 1}."

    def of(self, rows: Sequence[int]) -> IndexRangeError:
        """Return the error of an array of a batch, whose rows have these numbers in the data."""
        place = (rows[self.place[0]], *self.place[1:]) if self.place and self.length == len(rows) else self.place
        return IndexRangeError(place, self.index, self.size, self.length)


class OptionError(InputError):
    """An option or argument is out of range, unknown, or excluded by another."""


class FileFormatError(InputError):
    """A model file is damaged, foreign, or newer than this version."""


class AnswerError(InputError):
    """An answer to an exercise cannot be read as one; it is asked for again."""


class TypeRuleError(ChainruleError, TypeError):
    """Shapes or dtypes that do not fit an operation."""


class ProgramError(ChainruleError, ValueError):
    """A Program breaks a rule of the intermediate representation."""


class DerivativeError(ChainruleError, TypeError):
    """A gradient was asked for where none is defined."""


class StateError(ChainruleError, RuntimeError):
    """A training state was used after a step had taken it over."""


class NonFiniteError(ChainruleError, ArithmeticError):
    """The loss became NaN or infinite.

    ``state`` is the training state before the step that failed, if there is one, and ``losses`` are those of the steps before it in the
    same call; ``row`` is the row of the data that was met first. ``run`` is the run or the model that was reached, where a whole training
    ended so: it can be diagnosed.
    """

    state: object = None
    losses: Sequence[float] = ()
    row: int | None = None
    run: object = None


_ELSEWHERE = {
    "logistic": "sigmoid",
    "linear": "identity",
    "swish": "silu",
    "squared_error": "mse",
    "absolute_error": "mae",
    "l2": "mse",
    "l1": "mae",
    "quantile": "pinball",
    "quantile_loss": "pinball",
    "log_loss": "cross_entropy",
    "bce": "binary_cross_entropy",
    "auc": "roc_auc",
    "average_precision": "pr_auc",
    "float16": "float32",
    "bfloat16": "float32",
    "double": "float64",
    "hidden_layer_sizes": "hidden",
    "solver": "optimizer",
    "momentum": "optimizer",
    "nesterovs_momentum": "optimizer",
    "beta_1": "optimizer",
    "beta_2": "optimizer",
    "epsilon": "optimizer",
    "alpha": "weight_decay",
    "learning_rate": "lr",
    "learning_rate_init": "lr",
    "power_t": "schedule",
    "max_iter": "epochs",
    "tol": "until",
    "n_iter_no_change": "patience",
    "early_stopping": "valid",
    "validation_fraction": "valid",
}
"""What other libraries call some of the words here, where the letters alone would lead astray."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the known name that ``name`` means elsewhere, or is closest to it; empty if there is none."""
    import difflib  # only a mistake needs it

    lowered = {str(candidate).lower(): candidate for candidate in known}
    meant = _ELSEWHERE.get(str(name).lower(), "")
    close = [meant] if meant in lowered else difflib.get_close_matches(str(name).lower(), lowered, n=1, cutoff=0.6)
    return f" Did you mean '{lowered[close[0]]}'?" if close else ""
