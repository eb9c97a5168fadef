"""What classifier and regressor share: from X and y to a run of the training loop, and from X to the network's outputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted, validate_data

from chainrule.data.batches import steps_per_epoch
from chainrule.data.columns import judge_columns
from chainrule.data.encode import Encoder
from chainrule.data.read import read_table
from chainrule.data.table import Column, Note, Table
from chainrule.errors import DataError, OptionError
from chainrule.estimators import inputs
from chainrule.estimators import words as of
from chainrule.estimators.columns import float_types, warn_of_those_left_out, words_refused
from chainrule.estimators.given import classes_given, quantities_given, weights_given
from chainrule.estimators.inputs import Array, Features
from chainrule.estimators.judges import Judges, scaled
from chainrule.estimators.learned import Learned, for_optimizer, whole_or_not_at_all
from chainrule.estimators.parameters import Parameters
from chainrule.estimators.runs import Rows, Stream, divide, run
from chainrule.estimators.steps import Head, Plan, Shape, known_loss, known_optimizer, predictor, step_of
from chainrule.estimators.targets import Answers, loss_of, takes_weights
from chainrule.nn.activations import activations
from chainrule.optim import Schedule
from chainrule.training.events import Stopped
from chainrule.training.loop import Loop, Metric, Settings
from chainrule.training.metrics import METRICS
from chainrule.training.state import State
from chainrule.training.step import Batch
from chainrule.training.tasks import SHOWN_METRICS
from chainrule.training.until import names_in, until


class NeuralNetwork(Learned, Parameters):
    """The base of the classifier and the regressor, which say what y means."""

    # what a classifier and a regressor differ in

    def _judge(self, y: Array, classes: Any = None) -> Answers:
        """Return what y means; ValueError if it is no target of this kind."""
        raise NotImplementedError

    def _weighted_classes(self, y: Array, weights: Array | None) -> Array | None:
        """Return the weights of the rows with those of their classes."""
        return weights

    # learning

    @whole_or_not_at_all
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Any:
        """Train.

        Args:
            X: numbers (rows, columns), or a data frame of any library, whose columns may hold text, dates, booleans and gaps as well.
            y: what to predict, (rows,) or (rows, columns).
            sample_weight: how much each row counts; a row of weight 0 counts as absent.
            groups: the group of each row; none is on both sides where rows are held out.
            X_val, y_val, sample_weight_val: rows to validate on, in place of some that are held out.

        Returns:
            The estimator itself. Where it cannot be trained, it stays as it was.

        Raises:
            ValueError: a parameter is out of range, or X or y cannot be used; one sentence says what.
            NonFiniteError: the loss became NaN or infinite before a single epoch was done.
        """
        self._validate_params()
        self._check_validation(X_val, y_val, sample_weight_val)
        again = bool(self.warm_start) and hasattr(self, "state_")
        rows = self._rows(X, y, sample_weight, reset=not again)
        seed = of.seed_of(self.random_state)
        own = X_val is not None
        if not again:
            self.answers_ = self._judge(rows.y)
        share = 0.0 if own else of.held_out(self.valid, len(rows.used))
        train, valid = divide(rows, share, self.answers_.strata(rows.y), groups, seed)
        if not again:
            self._judge_columns(rows, more_comes=False)
        given = len(train)
        learned, train = self._in_one_step(rows, train)
        if again:
            self._go_on()
        else:
            self._understand(learned, train)
        judged = self._rows(X_val, y_val, sample_weight_val, reset=False) if own else rows
        valid = judged.used if own else valid
        size = of.batch_size_of(self.batch_size, len(train))
        per_epoch = steps_per_epoch(len(train), size or len(train))
        epochs = of.epochs_of(self.epochs, per_epoch)
        unseen = train if again or learned.w is not None else None
        stays = inputs.is_large(learned.X) and all(
            inputs.can_stay(self.encoder_, X, self.shape_.dtype, some) for X, some in ((learned.X, unseen), (judged.X, valid))
        )
        plan = replace(self._plan(of.schedule_of(self.schedule, epochs * per_epoch)), standardizes=stays)
        buffers = inputs.buffers_of(self.encoder_) if stays else {}
        state = step_of(plan).init(seed, self.state_.params if again else None, buffers)
        self.history_: list[dict[str, Any]] = []
        self._stream: Stream | None = None
        batch = self._in_place(learned) if stays else self._batch(learned, train)
        judges = self._judges(judged, valid, (batch if judged is learned else self._in_place(judged)) if stays else None)
        settings = self._settings(epochs, size, self.patience if judges else None)
        loop = self._loop(plan, state, batch, judges, settings, given, train if stays else None)
        stopped = self._run(loop)
        self.state_ = replace(loop.state if judges is None and not stopped.error else loop.best, buffers={})
        self.best_epoch_, self.stopped_ = stopped.best_epoch, stopped.reason
        return self

    @whole_or_not_at_all
    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any, X_val: Any, y_val: Any, sample_weight_val: Any) -> Any:
        """Take one epoch of steps on some rows; see ``partial_fit`` of the classifier and of the regressor."""
        self._validate_params()
        self._check_validation(X_val, y_val, sample_weight_val)
        first = not hasattr(self, "state_")
        rows = self._rows(X, y, sample_weight, reset=first)
        train, valid = rows.used, rows.used[:0]
        seed = of.seed_of(self.random_state) if first else self.state_.seed
        if first:
            self.answers_ = self._judge(rows.y, classes)
            asked = 0.0 if X_val is not None or self.valid == of.AUTO else of.held_out(self.valid, len(train))
            train, valid = divide(rows, asked, self.answers_.strata(rows.y), None, seed)
            self._judge_columns(rows, more_comes=True)
        given = len(train)
        learned, train = self._in_one_step(rows, train)
        if first:
            self._understand(learned, train)
            self.history_, self._stream = [], None
        else:
            self._go_on()
        plan = self._plan(self.schedule if isinstance(self.schedule, Schedule) else None)
        if first:
            self.state_ = step_of(plan).init(seed)
        stream = replace(self._stream) if self._stream else Stream(self.state_, self._judges(rows, valid), self.state_.epoch)
        if X_val is not None:
            judging = self._rows(X_val, y_val, sample_weight_val, reset=False)
            stream.judges = self._judges(judging, judging.used)
        self._stream = stream
        if stream.is_over(self.patience):
            return self
        batch_size = of.batch_size_of(self.batch_size, len(train))
        settings = replace(self._settings(stream.state.epoch + 1, batch_size, None), until=None, plateau=None)
        loop = self._loop(plan, stream.state.copy(), self._batch(learned, train), stream.judges, settings, given, None)
        loop.best_epoch, loop.best_value = stream.best_epoch, stream.best_value
        self._run(loop)
        if stream.judges is None or loop.best_epoch > stream.best_epoch:
            self.state_ = loop.state
        stream.state, stream.best_epoch, stream.best_value = loop.state, loop.best_epoch, loop.best_value
        self.best_epoch_ = loop.best_epoch
        self.stopped_ = f"no better for {self.patience} epochs" if stream.is_over(self.patience) else ""
        return self

    def _check_validation(self, X_val: Any, y_val: Any, sample_weight_val: Any) -> None:
        """Refuse validation rows of which a part is missing."""
        if (X_val is None) != (y_val is None) or (X_val is None and sample_weight_val is not None):
            raise OptionError("X_val and y_val belong together, and sample_weight_val to them; give both, or none.")

    def _rows(self, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> Rows:
        """Check X, y and weights, and note (``reset``) or compare the columns of X."""
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        X = inputs.eager(X)
        if reset:
            asked = [name for name, value in (self._column_options() | {"missing": self._markers()}).items() if value]
            if asked and not inputs.is_frame(X):
                raise OptionError(f"{asked[0]} is for the columns of a data frame, and X is none; leave {asked[0]} out, or give one.")
            self._raw = bool(asked) or inputs.is_raw(X)
        features = self._features(X, reset=reset)
        y = quantities_given(y) if self._task == "regression" else classes_given(y)
        check_consistent_length(features.frame if isinstance(features, Table) else features, y)
        counts = None if sample_weight is None else weights_given(sample_weight, y)
        weights = self._weighted_classes(y, counts)
        if weights is not None and not weights.any():
            raise DataError("all weights are zero: no row counts.")
        return Rows(features, y, weights if callable(self.loss) else scaled(weights), scaled(counts))  # other losses are means

    def _in_one_step(self, rows: Rows, train: Array) -> tuple[Rows, Array]:
        """Return rows and the indices of those to learn from: where one step takes them all, neither their order nor how they repeat
        decides what is learned, to the bit. Over hundreds of steps the rounding of sums would grow until it can be seen."""
        size = of.batch_size_of(self.batch_size, len(train))
        if callable(self.loss) or (size is not None and size < len(train)):
            return rows, train
        return rows.merged(train, [column.name for column in self._columns if column.used])

    def _features(self, X: Any, *, reset: bool) -> Features:
        """Check X, and return it as numbers or as a table of raw columns."""
        X = inputs.eager(X)
        if not self._raw:
            with words_refused(X):
                X = X if reset else self._in_order(X)
                array: Array = validate_data(self, X, reset=reset, dtype=float_types(X), ensure_all_finite="allow-nan")
            return array
        if not inputs.is_frame(X):
            raise DataError(f"X must be a data frame with the columns of training, such as '{self.feature_names_in_[0]}'; it has no names.")
        X = inputs.named(X) if reset else self._in_order(inputs.named(X))
        validate_data(self, X, reset=reset, skip_check_array=True)
        return read_table(X, levels=None if reset else self.encoder_.levels, missing=self._markers())

    def _in_order(self, X: Any) -> Any:
        """Return a data frame with the columns of training, in their order."""
        return inputs.in_order(X, self.feature_names_in_) if hasattr(self, "feature_names_in_") and inputs.is_frame(X) else X

    def _markers(self) -> list[str] | None:
        """Return the words that mean a missing cell; ``None`` for the usual ones."""
        return None if self.missing is None else [str(word) for word in self.missing]

    def _column_options(self) -> dict[str, list[str]]:
        return {name: [str(column) for column in getattr(self, name)] for name in ("categorical", "numeric", "date", "drop")}

    def _judge_columns(self, rows: Rows, *, more_comes: bool) -> None:
        """Find out what each column of X means; ``more_comes`` says that further rows will be learned from."""
        self._columns: tuple[Column, ...]
        self.notes_: tuple[Note, ...] = ()
        if isinstance(rows.X, Table):
            asked: dict[str, Any] = dict(self._column_options())
            self._columns, notes = judge_columns(rows.X, in_order=True, **asked)  # scikit-learn's splitters know of time
            self.notes_ = (*rows.X.notes, *notes)
            warn_of_those_left_out(self._columns, asked["drop"], more_comes=more_comes)
        else:
            names = getattr(self, "feature_names_in_", inputs.names_of_array(rows.X.shape[1]))
            self._columns = tuple(Column(name, "number", "numbers") for name in names)

    def _understand(self, rows: Rows, train: Array) -> None:
        """Find from the training rows how X becomes units and y numbers, and the shape of the network."""
        weights = rows.weights(train)
        if isinstance(rows.X, Table):
            self.encoder_ = Encoder.fit(self._columns, rows.X, train, weights)
            self.notes_ = (*self.notes_, *self.encoder_.notes)
        else:
            self.encoder_ = inputs.fit_numbers(rows.X, self._columns, train, weights)
        self.answers_ = self.answers_.fitted(rows.y[train], weights, train)
        own_type = "float32" if isinstance(rows.X, Table) else rows.X.dtype.name
        self.shape_ = self._shape(own_type if self.dtype == of.AUTO else self.dtype)

    def _shape(self, dtype: str) -> Shape:
        """Return the shape of the network that the parameters ask for."""
        hidden = of.widths_of(self.hidden)
        activation = activations(self.activation, len(hidden))
        outputs = self.answers_.outputs(loss_of(self.answers_, self.loss)[0])
        return Shape(len(self.encoder_.units), hidden, activation, outputs, float(self.dropout), dtype)

    def _go_on(self) -> None:
        """Take the parameters of the network over, as far as its weights allow.

        Raises:
            OptionError: they ask for another network.
        """
        shape = self._shape(self.shape_.dtype)
        if replace(shape, activations=(), dropout=0.0) != replace(self.shape_, activations=(), dropout=0.0):
            was, now = (f"hidden={list(one.hidden)} and {one.outputs} outputs" for one in (self.shape_, shape))
            raise OptionError(f"the network that is to go on has {was}, and the parameters ask for {now}: set them back, or fit anew.")
        self.shape_ = shape

    def _plan(self, schedule: Schedule | None) -> Plan:
        """Return what the training step depends on."""
        name, loss = loss_of(self.answers_, self.loss)
        made = of.optimizer_of(self.optimizer, self.lr, self.weight_decay, schedule)
        optimizer = known_optimizer(self.optimizer, schedule, isinstance(self.schedule, str), made)
        return Plan(self.shape_, known_loss(loss), self.answers_.y_type(name), optimizer)

    def _batch(self, rows: Rows, chosen: Array | None = None) -> Batch | None:
        """Return some rows (all that count by default) as the training step takes them; ``None`` if there are none."""
        chosen = rows.used if chosen is None else chosen
        if not len(chosen):
            return None
        x = inputs.units_of(self.encoder_, rows.X, self.shape_.dtype, chosen)
        return (x, *self._wanted(rows, chosen))

    def _judges(self, rows: Rows, chosen: Array, in_place: Batch | None = None) -> Judges | None:
        """Return some rows as those that judge the weights, in a batch of all rows where these stay ``in_place``; ``None`` for none."""
        batch = self._batch(rows, chosen) if in_place is None else in_place
        if not len(chosen) or batch is None:
            return None
        counts = None if rows.counts is None else rows.counts[chosen]
        return Judges(batch, self.answers_.truth(rows.y[chosen], chosen), counts, chosen if in_place else None)

    def _in_place(self, rows: Rows) -> Batch:
        """Return all rows, X where it is, as a training step takes them that standardizes; of those that do not count, y is zero."""
        used = rows.used

        def everywhere(values: Array) -> Array:
            if len(used) == len(rows.y):
                return values
            whole = np.zeros((len(rows.y), *values.shape[1:]), values.dtype)
            whole[used] = values
            return whole

        return (np.ascontiguousarray(rows.X), *map(everywhere, self._wanted(rows, used)))

    def _wanted(self, rows: Rows, chosen: Array) -> tuple[Array, ...]:
        """Return what the loss takes of some rows: y, and how much each counts if that is given."""
        y = self.answers_.encode(rows.y[chosen], loss_of(self.answers_, self.loss)[0], self.shape_.dtype, chosen)
        weights = rows.weights(chosen)
        if weights is not None and callable(self.loss) and not takes_weights(self.loss):
            raise OptionError("the loss function takes no weights: give it a third argument, or leave sample_weight and class_weight out.")
        return (y,) if weights is None else (y, weights)

    def _settings(self, epochs: int, batch_size: int | None, patience: int | None) -> Settings:
        """Return how a run goes on and when it stops."""
        return Settings(
            epochs=epochs,
            batch_size=batch_size,
            patience=patience or None,
            time_budget=self.time_budget,
            until=until(self.until) if isinstance(self.until, str) else self.until,
            watch=self.metric or "loss",
            greater_is_better=self.metric in METRICS and METRICS[self.metric].greater_is_better,
            plateau=self.plateau,
            threads=of.threads_of(self.n_jobs),
        )

    def _metrics(self, judges: Judges) -> dict[str, Metric]:
        """Return the metrics that are measured on validation rows: the task's own, and those that are asked for."""
        asked = {self.metric} | (names_in(self.until) if isinstance(self.until, str) else set())
        names = [name for name in METRICS if METRICS[name].task == self._task and (name in asked or name in SHOWN_METRICS[self._task])]
        return {name: self._measuring(name, judges) for name in names}

    def _measuring(self, name: str, judges: Judges) -> Metric:
        """Return a metric of the network's outputs, of several columns of y the mean over them."""
        metric, answers = METRICS[name], self.answers_

        def measure(outputs: Array, _: Array) -> float:
            each = zip(judges.truth, answers.judged(outputs), strict=True)
            return float(np.mean([metric(*pair, judges.counts, quantiles=answers.quantiles) for pair in each]))

        return measure

    def _loop(
        self, plan: Plan, state: State, batch: Batch | None, judges: Judges | None, settings: Settings, given: int, rows: Array | None
    ) -> Loop:
        """Return the run of a state, with the numbers of this optimizer, on a batch that stands for so many rows that were given."""
        assert batch is not None  # some row counts
        if self.metric is not None and judges is None:
            raise OptionError(f"metric={self.metric!r} is measured on validation rows and there are none: give X_val, or valid=0.1.")
        step = step_of(plan)
        state = for_optimizer(plan.optimizer.value, step, state)
        if judges is None:
            return Loop(step, batch, settings, state, rows=rows, given=given)
        return Loop(step, batch, settings, state, judges.batch, self._metrics(judges), rows, judges.rows, given)

    def _run(self, loop: Loop) -> Stopped:
        """Train, and write the epochs down."""
        stopped = run(loop, self.on_event, self.verbose)
        self.history_ = [*self.history_, *loop.history.rows()]
        return stopped

    # answering

    def _head(self) -> Head | None:
        """Return what is made of the network's outputs, as a model file has it in its equations; ``None`` for nothing."""
        return None

    def _outputs(self, X: Any, layer: str | None = None) -> Array:
        """Return what the network says (rows, outputs), logits, standardized values or rates, or one of its hidden layers (rows, width)."""
        check_is_fitted(self)
        chunks = inputs.chunks_of(self.encoder_, self._features(X, reset=False), self.shape_.dtype)
        answering = predictor(self.shape_, layer, None if layer else self._head())
        return answering(self.state_.params, chunks, "prediction", of.threads_of(self.n_jobs))

    def predict(self, X: Any) -> Array:
        """Return one answer a row, in y's own type and shape.

        Raises:
            ValueError: X lacks a column of training, or a cell cannot be read.
        """
        outputs = self._outputs(X)
        return np.asarray(self.answers_.decode(outputs))

    def save(self, path: str | Path) -> None:
        """Write the model file: data only, whole or not at all. ``chainrule predict`` and ``chainrule.load`` read it.

        Raises:
            OptionError: the estimator is more than a model file holds: a class of one label, or an optimizer it was not trained with.
            FileFormatError: the file cannot be written.
        """
        from chainrule.estimators.files import model_of  # which imports this module

        check_is_fitted(self)
        model_of(self).save(path)

    def __sklearn_tags__(self) -> Any:
        """Say what the estimator can do: it takes missing values, sparse matrices and several targets."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.target_tags.multi_output = True
        return tags
