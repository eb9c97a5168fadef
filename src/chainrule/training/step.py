"""The training step: one typed Program of four phases, and the ways to run it."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from typing import Any, NoReturn

import numpy as np

from chainrule.backends import Runnable, chosen, compile
from chainrule.backends.reference import Reference
from chainrule.data.masked import whole
from chainrule.errors import DataError, IndexRangeError, InputError, OptionError, TypeRuleError, nearest
from chainrule.ir import B, Program, Type
from chainrule.losses import target_type
from chainrule.nn import Sequential, buffers_of
from chainrule.ops import trace
from chainrule.ops.tree import convert
from chainrule.optim.optimizer import Optimizer
from chainrule.training.native import NativeStepper, NativeSteps, one_step
from chainrule.training.nonfinite import explain_nonfinite
from chainrule.training.program import (
    Network,
    Signature,
    inference_program,
    loss_program,
    row_type,
    signature_of,
    training_program,
    x_signature,
)
from chainrule.training.state import Arrays, State
from chainrule.training.statistics.program import Sampled, sampled
from chainrule.training.stepping import Feed, Order, ReferenceStepper, Stepper, checked_rows, shuffled_by_meaning, shuffled_natively
from chainrule.training.whole_numbers import check_count, check_seed
from chainrule.transforms.expand import expand

Batch = tuple[Any, ...]  # (x, y) or (x, y, w)
_CONVERTED_AT_ONCE = 1 << 22  # numbers: rows of another dtype are predicted in parts, so that no copy of all is made


def training_step(
    network: Network,
    loss: Callable[..., Any],
    optimizer: Optimizer,
    *,
    params: Mapping[str, Any] | None = None,
    x: Any = None,
    y: str | Type | None = None,
    dtype: str = "float32",
    frozen: Sequence[str] = (),
    penalty: Callable[..., Any] | None = None,
    backend: str = "auto",
) -> TrainingStep:
    """Make a training step.

    Args:
        network: a layer such as ``cr.nn.mlp(…)``, or any function of (params, x).
        loss: a function of (prediction, target[, weights]) that returns a scalar: ``cr.losses.cross_entropy``.
        optimizer: ``cr.optim.adam(1e-3)``.
        params: initial parameters, path → array; needed for a plain function, and otherwise in place of the network's own.
        x: the type of x, ``"f32[B,4]"``, or a dict of them; needed for a plain function.
        y: the type of the target; by default the one that the loss expects.
        dtype: float32 or float64: of the parameters that the network makes, and of the batches.
        frozen: paths, or patterns such as ``"*.bias"``, of parameters that stand still.
        penalty: a function of (params, rows) whose scalar is added to the loss.
        backend: what runs the Programs: ``llvm``, ``reference``, or ``auto`` for the former where it is installed.

    Raises:
        OptionError: something is missing or unknown.
        TypeRuleError: shapes or dtypes do not fit; the message names the layer.
    """
    return TrainingStep(network, loss, optimizer, params, x, y, dtype, frozen, penalty, backend)


class TrainingStep:
    """A training step; see :func:`training_step`. ``program`` is its Program for batches without row weights."""

    def __init__(
        self,
        network: Network,
        loss: Callable[..., Any],
        optimizer: Optimizer,
        params: Mapping[str, Any] | None,
        x: Any,
        y: str | Type | None,
        dtype: str,
        frozen: Sequence[str],
        penalty: Callable[..., Any] | None,
        backend: str = "auto",
    ) -> None:
        if dtype not in ("float32", "float64"):
            raise OptionError(f"dtype is {dtype!r} and must be 'float32' or 'float64'.")
        if not callable(loss):
            raise OptionError(f"loss is {loss!r} and must be a function of (prediction, target), such as cr.losses.mse.")
        if not isinstance(optimizer, Optimizer):
            raise OptionError(f"optimizer is {optimizer!r} and must be an Optimizer, such as cr.optim.adam(1e-3).")
        self.network, self.loss, self.optimizer, self.penalty = network, loss, optimizer, penalty
        self._given = None if params is None else {path: np.asarray(array) for path, array in params.items()}
        if self._given is not None:
            self.params = {path: Type.of(array) for path, array in self._given.items()}
        elif isinstance(network, Sequential):
            self.params = network.types(dtype)
        else:
            raise OptionError("only a Sequential makes its own initial parameters; otherwise give them: params={'weight': array, …}.")
        self.dtype = next((type.dtype for type in self.params.values()), dtype)
        self._floats = np.dtype(self.dtype)
        self._buffers = buffers_of(network)
        self.buffers = {path: Type.of(array) for path, array in self._buffers.items()}
        self.trainable = [path for path in self.params if not any(fnmatch(path, pattern) for pattern in _known(frozen, self.params))]
        self.backend = chosen(backend)
        self._programs: dict[Signature, Reference] = {}
        self._native: dict[tuple[Signature, bool], NativeSteps] = {}
        self._sampled: dict[Signature, Sampled] = {}
        self._inference: dict[Any, Runnable] = {}
        self._measured: dict[tuple[Type, ...], Reference] = {}
        self._predictors: dict[tuple[Any, tuple[int, ...]], Runnable] = {}
        x_type = self._x_type(x)
        prediction = self.inference_for(x_type).program.output("prediction").type
        target = target_type(loss, prediction) if y is None else Type.parse(y) if isinstance(y, str) else y
        self.signature = Signature(x_type, target)
        self._takes_floats = isinstance(x_type, Type) and x_type.is_float
        self.program: Program = self.compiled(self.signature).program

    def __reduce__(self) -> NoReturn:
        raise InputError("a training step holds functions and cannot be pickled; pickle its State, and make the step anew.")

    def __deepcopy__(self, memo: dict[int, Any]) -> TrainingStep:
        return self  # what runs never changes

    # programs

    def compiled(self, signature: Signature) -> Reference:
        """Return the training Program for batches of these types, for the reference; it is traced once for each signature."""
        if signature not in self._programs:
            forward = loss_program(self.network, self.loss, self.params, self.buffers, signature, self.penalty)
            program = training_program(forward, self.optimizer, self.trainable)
            self._programs[signature] = Reference(program)
        return self._programs[signature]

    def sampled(self, signature: Signature) -> Sampled:
        """Return the training Program that tells more, for batches of these types."""
        if signature not in self._sampled:
            self._sampled[signature] = sampled(self.compiled(signature).program)
        return self._sampled[signature]

    def native(self, signature: Signature, *, watched: bool = False) -> NativeSteps:
        """Return the compiled steps for batches of these types; those of :meth:`sampled` if they are watched."""
        if (signature, watched) not in self._native:
            program = self.sampled(signature).program if watched else self.compiled(signature).program
            self._native[signature, watched] = NativeSteps.of(program, self.trainable)
        return self._native[signature, watched]

    def program_for(self, batch: Mapping[str, np.ndarray]) -> Program:
        """Return the training Program for a batch of arrays by the names of the Program's inputs."""
        return self.compiled(signature_of(batch)).program

    def inference_for(self, x: Any) -> Runnable:
        """Return the inference Program for inputs of this type, ready to run."""
        found = self._inference.get(x)
        if found is None:
            program = inference_program(self.network, self.params, self.buffers, Signature(x, Type(self.dtype, (B,))))
            found = self._inference[x] = compile(program, self.backend)
        return found

    def signature_with_weights(self) -> Signature:
        """Return the signature of batches that have row weights."""
        return replace(self.signature, w=Type(self.dtype, (B,)))

    @property
    def inference(self) -> Program:
        """The inference Program."""
        return self.inference_for(self.signature.x).program

    # state

    def init(self, seed: int = 0, params: Mapping[str, Any] | None = None, buffers: Mapping[str, Any] | None = None) -> State:
        """Return the state before the first step.

        Args:
            seed: of the initial weights, the batch order and every random bit; 0 to 2³² − 1.
            params: initial weights in place of the network's own, for all paths or some.
            buffers: arrays in place of the network's own buffers, for all paths or some.
        """
        check_seed(seed)
        own = _fitting("parameter", params or {}, self.params)
        kept = {path: array.copy() for path, array in self._buffers.items()} | _fitting("buffer", buffers or {}, self.buffers)
        drawn = self._initial(seed, own)
        start = {path: own[path] if path in own else drawn[path] for path in self.params}
        slots = self.optimizer.init({path: start[path] for path in self.trainable})
        return State(start, {name: np.array(a) for name, a in slots.items()}, kept, dict(self.optimizer.hyper), seed=seed)

    def _initial(self, seed: int, without: Container[str]) -> Arrays:
        """Return initial parameters but those of some paths."""
        if self._given is not None:
            return {path: array.copy() for path, array in self._given.items() if path not in without}
        assert isinstance(self.network, Sequential)  # anything else has given parameters
        return self.network.init(seed, self.dtype, without=without)

    # running

    def __call__(self, state: State, x: Any, y: Any, w: Any = None) -> tuple[State, float]:
        """Take one step on one batch; the old state is taken over.

        A batch of one's own is an epoch of its own: the state then stands at the beginning of the next one, where :meth:`run` goes on
        with whole epochs.

        Returns:
            The new state, and the loss before the update.

        Raises:
            TypeRuleError: x, y or w have other types than the network and the loss need.
            NonFiniteError: the loss or a new parameter is NaN or infinite; the update is not applied and the old state stays usable.
        """
        self._check(state)
        batch = self.batch((x, y) if w is None else (x, y, w))
        if not len(batch["y"]):
            raise DataError("there are no rows to train on.")
        new, loss = self._one(state, batch) if self.backend == "llvm" else self._step(state, batch)
        state.take()
        return replace(new, epoch=state.epoch + 1, step=0), loss

    def run(
        self,
        state: State,
        data: Batch,
        *,
        epochs: int | None = None,
        steps: int | None = None,
        batch_size: int | None = 32,
        seed: int | None = None,
        shuffle: bool = True,
        order: Callable[[int], np.ndarray] | None = None,
        threads: int | None = None,
    ) -> tuple[State, np.ndarray]:
        """Take many steps: whole epochs, or a number of steps from where the state stands.

        ``run(epochs=2)`` equals ``run(epochs=1)`` twice, or any slicing by ``steps``, bit for bit.

        Args:
            state: taken over.
            data: (x, y) or (x, y, w), rows first.
            epochs: the number of epochs to end (the current one counts as one); 1 if neither this nor ``steps`` is given.
            steps: the number of steps, in place of ``epochs``.
            batch_size: rows a step; ``None`` means all. The last batch of an epoch may be smaller.
            seed: replaces the state's seed.
            shuffle: whether each epoch has its own order of rows.
            order: a function from the epoch (from 0) to the order of its rows, in place of the shuffle.
            threads: at most so many; the result does not depend on it.

        Returns:
            The new state, and the loss of each step before its update.

        Raises:
            OptionError: an option is out of range, or the state stands in an epoch of another number of steps.
            DataError: there are no rows, or x, y and w have different numbers of them.
            TypeRuleError, NonFiniteError: as :meth:`__call__`. The given state then stays usable as it is; a NonFiniteError carries the
                state before the step that failed as ``state``.
        """
        self._check(state)
        new = replace(state, seed=state.seed if seed is None else check_seed(seed))
        stepper = self.start(new, data, batch_size=batch_size, shuffle=shuffle, order=order, threads=threads)
        lost = stepper.take(_steps_to_do(state.step, stepper.feed.per_epoch, epochs, steps))
        after = stepper.end()
        state.take()
        return after, lost.astype(self.dtype)

    def start(
        self,
        state: State,
        data: Batch,
        *,
        batch_size: int | None = 32,
        shuffle: bool = True,
        order: Callable[[int], np.ndarray] | None = None,
        threads: int | None = None,
        watched: bool = False,
        rows: np.ndarray | None = None,
    ) -> Stepper:
        """Return what takes a state through steps on some rows, any number at a time; the arguments are those of :meth:`run`.

        ``watched`` says that some of the steps will be watched; ``rows`` (int64) are the numbers of those of the data that steps are
        taken on, by default all.

        The state is not taken over. Between two calls nothing is made anew, so that an epoch of a small table costs little more than its
        arithmetic.
        """
        self._check(state)
        batch = self.batch(data)
        count = len(batch["y"] if rows is None else checked_rows(rows, len(batch["y"])))
        if not count:
            raise DataError("there are no rows to train on.")
        size = count if batch_size is None else check_count("batch_size", batch_size)
        if threads is not None:
            check_count("threads", threads)
        shuffled = (shuffled_natively if self.backend == "llvm" else shuffled_by_meaning) if shuffle else None
        feed = Feed(batch, count, size, Order(state.seed, count, shuffled, order, rows))
        if state.step >= feed.per_epoch:
            raise OptionError(f"the state stands after step {state.step} of an epoch of {feed.per_epoch}; rows or batch_size have changed.")
        if self.backend == "llvm":
            return NativeStepper(self.native(signature_of(batch), watched=watched), state, feed, self._explain(batch), threads)
        return ReferenceStepper(state, feed, self._step, self._seen)

    def _check(self, state: State) -> None:
        state.check()
        for name in state.hyper.keys() ^ self.optimizer.hyper.keys():
            known = ", ".join(self.optimizer.hyper)
            raise OptionError(f"state.hyper: '{name}' is missing or not known; {self.optimizer.name} has {known}.")

    def _explain(self, batch: Arrays) -> Callable[[State, np.ndarray], None]:
        """Return a function that takes a step by the reference, which raises what is wrong with it."""

        def explain(state: State, rows: np.ndarray) -> None:
            self._step(state, {name: array[rows] for name, array in batch.items()}, rows)

        return explain

    def _one(self, state: State, batch: Arrays) -> tuple[State, float]:
        """Take one compiled step on a batch."""
        return one_step(self.native(signature_of(batch)), state, batch, lambda before, _: self._step(before, batch))

    def predict(self, state: State, x: Any, *, threads: int | None = None) -> np.ndarray:
        """Return the prediction of the inference Program: logits or values, [rows, outputs]; each row's own, on any number of threads."""
        state.check()
        if type(x) is np.ndarray and (run := self._predictors.get((x.dtype, x.shape[1:]))) is not None:
            return run({**state.params, **state.buffers, "x": x}, threads=threads)["prediction"]
        if type(x) is np.ndarray and x.dtype != self._floats and x.size > _CONVERTED_AT_ONCE and len(x) > 1 and self._takes_floats:
            rows = max(_CONVERTED_AT_ONCE * len(x) // x.size, 1)
            return np.concatenate([self.predict(state, x[start : start + rows], threads=threads) for start in range(0, len(x), rows)])
        arrays = self._x_arrays(x)
        run = self.inference_for(x_signature(arrays))
        if type(x) is np.ndarray and arrays["x"] is x:
            self._predictors[x.dtype, x.shape[1:]] = run  # the next time it needs no conversion and no look at its type
        return run({**state.params, **state.buffers, **arrays}, threads=threads)["prediction"]

    def measured_loss(self, prediction: np.ndarray, y: np.ndarray, w: np.ndarray | None = None) -> float:
        """Return the loss of a prediction, by the meanings of its operations, which are traced once."""
        arrays = {"prediction": prediction, "y": y} | ({} if w is None else {"w": w})
        types = tuple(row_type(array) for array in arrays.values())
        if types not in self._measured:
            traced = trace(lambda batch: self.loss(*batch.values()), dict(zip(arrays, types, strict=True)))
            self._measured[types] = Reference(expand(traced))  # few rows: what composites take to be applied would be most of it
        return float(self._measured[types](arrays)["out"])

    # one step

    def _step(self, state: State, batch: Arrays, rows: np.ndarray | None = None) -> tuple[State, float]:
        state.check()
        compiled = self.compiled(signature_of(batch))
        inputs = state.inputs(batch)
        try:
            results = compiled(inputs)
        except IndexRangeError as error:
            raise (error if rows is None else error.of(rows.tolist())) from None
        finite = np.isfinite(results["loss"]) and all(np.isfinite(results[path]).all() for path in self.trainable)
        if not finite:
            raise explain_nonfinite(compiled, inputs, state, rows)
        new = replace(
            state,
            params=state.params | {path: results[path] for path in self.trainable},
            optimizer={name: results[name] for name in state.optimizer},
            buffers={name: results[name] for name in state.buffers},
            count=int(results["count"]),
        )
        return new, float(results["loss"])

    def _seen(self, state: State, batch: Arrays) -> Arrays:
        """Return the outputs of a step on a batch, statistics among them, by the reference."""
        with np.errstate(all="ignore"):
            return Reference(self.sampled(signature_of(batch)).program)(state.inputs(batch))

    def batch(self, data: Batch) -> Arrays:
        """Return x, y and w as arrays by the names of the Program's inputs: floats in the step's dtype, whole numbers as int64, or as
        floats where the Program takes floats.

        Raises:
            DataError: the arrays have different numbers of rows.
        """
        if not isinstance(data, tuple) or len(data) not in (2, 3):
            raise InputError("a batch is (x, y) or (x, y, w).")
        x, y, *w = data
        arrays = (
            self._x_arrays(x)
            | {"y": self._array(y, self.signature.y)}
            | ({"w": np.asarray(whole(w[0], "an array"), self.dtype)} if w and w[0] is not None else {})
        )
        if len({array.shape[0] for array in arrays.values() if array.ndim}) > 1 or any(not array.ndim for array in arrays.values()):
            counts = ", ".join(f"{name} {len(array) if array.ndim else 'is a scalar'}" for name, array in arrays.items())
            raise DataError(f"x, y and w must have the same number of rows: {counts}.")
        if "w" in arrays and not (arrays["w"] >= 0).all():
            raise DataError(f"the weight of row {int(np.argmax(~(arrays['w'] >= 0)))} is not a number of at least 0.")
        return arrays

    def _x_arrays(self, x: Any) -> Arrays:
        if not isinstance(x, dict):
            return {"x": self._array(x, self.signature.x)}
        types = {} if isinstance(self.signature.x, Type) else dict(self.signature.x)
        if types.keys() != x.keys():
            takes = f"a dict of {', '.join(types)}" if types else f"one array, {self.signature.x}"
            raise DataError(f"x is a dict of {', '.join(map(str, x))}; the network takes {takes}.")
        return {f"x.{name}": self._array(array, types.get(name)) for name, array in x.items()}

    def _array(self, x: Any, expected: Any) -> np.ndarray:
        array = np.asarray(whole(x, "an array"))
        if array.dtype == self._floats:
            return array
        if array.dtype.kind not in "fiub":
            raise DataError(f"an array of dtype {array.dtype} cannot be trained on; encode it as numbers first.")
        integers = array.dtype.kind in "iu" and not (isinstance(expected, Type) and expected.is_float)
        return array.astype("int64" if integers else "bool" if array.dtype.kind == "b" else self.dtype, copy=False)

    def _x_type(self, x: Any) -> Any:
        if x is None:
            if not isinstance(self.network, Sequential):
                raise OptionError("only a Sequential says what it takes; give the type of x for a function or layer: x='f32[B,4]'.")
            return self.network.input_type(self.dtype)
        types = convert(lambda leaf: Type.parse(leaf) if isinstance(leaf, str) else leaf, x)
        return tuple(types.items()) if isinstance(types, dict) else types


def _fitting(what: str, given: Mapping[str, Any], types: Mapping[str, Type]) -> Arrays:
    """Return arrays that are given by path, as their types are."""
    own: Arrays = {}
    for path, array in given.items():
        if path not in types:
            raise OptionError(f"there is no {what} '{path}'.{nearest(path, types)}")
        own[path] = np.array(array, dtype=types[path].dtype)
        if own[path].shape != types[path].shape:
            raise TypeRuleError(f"{what} '{path}' has shape {own[path].shape} and should have {types[path]}.")
    return own


def _steps_to_do(done: int, per_epoch: int, epochs: int | None, steps: int | None) -> int:
    if epochs is not None and steps is not None:
        raise OptionError("give epochs or steps, not both.")
    if steps is not None:
        return check_count("steps", steps, least=0)
    return check_count("epochs", 1 if epochs is None else epochs) * per_epoch - done


def _known(frozen: Sequence[str], params: Mapping[str, Any]) -> Sequence[str]:
    for pattern in frozen:
        if not any(fnmatch(path, pattern) for path in params):
            raise OptionError(f"frozen='{pattern}' is not the path of a parameter.{nearest(pattern, params)}")
    return frozen
