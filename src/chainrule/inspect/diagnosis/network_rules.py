"""Findings about the network: how it began, units that are shut, and gradients that fade or grow from layer to layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from chainrule.inspect.diagnosis.measurements import Measurements
from chainrule.inspect.diagnosis.units import UnitCount, count_units
from chainrule.inspect.diagnosis.wording import percent
from chainrule.training.findings import Finding
from chainrule.training.statistics.sample import LayerSample, StepSampled

TOO_LARGE, TOO_SMALL = 8.0, 0.04
"""Initial weights that keep the scale of what passes have a standard deviation · √inputs of 1 to 1.4 (He et al. 2015); 0.04 to 8 can still
be mended by training."""

MANY = 0.5  # of the units of a layer: with more than that, most of what it could learn is lost
FLAT, FLAT_LATER, POOR = 0.5, 0.75, 0.6

VANISHED, VANISHED_IF_POOR = 1e-3, 0.02
"""The first layer learns a thousand times more slowly than the last; if nothing is learned, fifty times is the reason."""

EXPLODED = 100.0  # times, between the first and the last layer, or over the run
_FIRST = 3  # samples that say how it began
_DEEP = 3  # hidden layers


def bad_initialization(m: Measurements) -> Finding | None:
    """Initial weights that are equal, or far from the scale that keeps what passes through the layers."""
    if m.start is None or len(m.weights) < 2:
        return None
    for path in m.weights[:-1]:
        weight = m.start.params[path]
        if weight.shape[1] > 1 and (weight == weight[:, :1]).all():
            value = float(weight.flat[0])
            what = f"all {weight.size:,} weights of {path} are {value:g}" if (weight == value).all() else f"all columns of {path} are equal"
            return Finding(
                "bad_initialization",
                path.rpartition(".")[0] or path,
                0,
                f"{what} at the start: its {weight.shape[1]} units give the same and get the same gradient, so that they stay one unit "
                "for ever.",
                "Start from random weights (he_normal for relu, glorot_uniform for tanh).",
                {"units": float(weight.shape[1])},
            )
    return _scale_of_start(m)


def _scale_of_start(m: Measurements) -> Finding | None:
    assert m.start is not None
    gains = {path: float(m.start.params[path].std()) * math.sqrt(m.start.params[path].shape[0]) for path in m.weights}
    path = max(m.weights[:-1], key=lambda one: abs(math.log(max(gains[one], 1e-30))))
    if TOO_SMALL <= gains[path] <= TOO_LARGE:
        return None
    large = gains[path] > TOO_LARGE
    first = m.history.samples[0].loss if m.history.samples and m.history.samples[0].step == 1 else None
    loss = f"; the loss began at {first:.4g}, where the best constant answer has {m.guess:.4g}" if first is not None and m.guess else ""
    return Finding(
        "bad_initialization",
        path.rpartition(".")[0] or path,
        0,
        f"the weights of {path} began with a standard deviation of {m.start.params[path].std():.3g}, {gains[path]:.2g} times 1/√inputs, "
        "where 1 to "
        f"1.4 keeps the scale of what passes{loss}.",
        f"Start from {'smaller' if large else 'larger'} weights: he_normal for relu, glorot_uniform for tanh.",
        {"gain": gains[path]} | ({} if first is None else {"first_loss": first}),
        weight=min(abs(math.log10(max(gains[path], 1e-30))) / 4, 1.0),
    )


def dead_units(m: Measurements) -> Finding | None:
    """Units that give nothing for every row, and so never learn again."""
    return _shut(m, "dead_units", lambda one: one.dead)


def saturated_units(m: Measurements) -> Finding | None:
    """Units that stand at the end of their range, where their activation is flat."""
    found = _shut(m, "saturated_units", lambda one: one.stuck)
    if found is not None:
        return found
    samples = m.history.samples
    for name in samples[0].layers if samples else ():
        shares = [sample.layers[name].flat if _bounded(sample.layers[name]) else 0.0 for sample in samples if name in sample.layers]
        at_start, later = min(shares[:_FIRST]), shares[-1]
        if at_start >= FLAT or (later >= FLAT_LATER and (m.learned is None or m.learned < POOR)):
            limit = FLAT if at_start >= FLAT else FLAT_LATER
            place = _since(shares, limit)
            share, began = shares[place if at_start < FLAT else 0], samples[place].step
            layer = samples[0].layers[name]
            return Finding(
                "saturated_units",
                name,
                began,
                f"{percent(share)} of the activations of {name} ({layer.activation}, {layer.units} units) are at the end of their "
                "range, where the "
                f"slope is below 2 % of the steepest; the sums before it have a root mean square of {samples[place].layers[name].sum:.3g}.",
                "Standardize the inputs, start from smaller weights, or use relu.",
                {"share": share, "sum": samples[place].layers[name].sum},
            )
    return None


def _shut(m: Measurements, code: str, of: Callable[[UnitCount], int]) -> Finding | None:
    """Find the layer of which most units are shut for every row, counted over the training rows where they are there."""
    counts = count_units(m)
    for name in sorted(counts, key=lambda one: -of(counts[one]) / counts[one].units):
        one = counts[name]
        if of(one) <= MANY * one.units:
            return None
        since, at_start = _shut_since(m.history.samples, name, one.units)
        dead = code == "dead_units"
        what = "give 0" if dead else "stand at the end of their range"
        died = "" if at_start is None else f"; {at_start} were so at the first step"
        return Finding(
            code,
            name,
            since,
            f"{of(one)} of the {one.units} units of {name} ({one.activation}) {what} for each of {one.rows:,} {one.of}, so that no "
            "gradient "
            f"passes{died}.",
            "Use a smaller learning rate, biases that are not negative, or leaky_relu."
            if dead
            else "Standardize the inputs, start from smaller weights, or use relu.",
            {"units": float(of(one)), "of": float(one.units)} | ({} if at_start is None else {"at_start": float(at_start)}),
            weight=of(one) / one.units,
        )
    return None


def _shut_since(samples: Sequence[StepSampled], name: str, units: int) -> tuple[int | None, int | None]:
    """Return the first sampled step from which on most units were shut, and how many were at the first step of the run."""
    shares = [sample.layers[name].shut / units for sample in samples if name in sample.layers]
    if not shares:
        return None, None
    return samples[_since(shares, MANY)].step, round(shares[0] * units) if samples[0].step == 1 else None


def _since(values: Sequence[float], limit: float) -> int:
    """Return the place from which on all values are at least the limit; the last one if the last is not."""
    below = [place for place, value in enumerate(values) if value < limit]
    return min(below[-1] + 1, len(values) - 1) if below else 0


def _bounded(layer: LayerSample) -> bool:
    return layer.activation in ("sigmoid", "tanh", "softsign")


def vanishing_gradients(m: Measurements) -> Finding | None:
    """Gradients that fade on their way to the first layer."""
    ratio, names, place = _through_layers(m)
    if ratio is None or len(names) < _DEEP:
        return None
    poor = m.learned is not None and m.learned < POOR
    if not ratio < (VANISHED_IF_POOR if poor else VANISHED):
        return None
    first, last = (m.history.samples[place].layers[name] for name in (names[0], names[-1]))
    factor = ratio ** (1 / (len(names) - 1))
    return Finding(
        "vanishing_gradients",
        names[0],
        m.history.samples[place].step,
        f"δ, the derivative of the loss by a unit's sum, has a root mean square of {last.delta:.3g} in {names[-1]} and of "
        f"{first.delta:.3g} in "
        f"{names[0]}: {1 / ratio if ratio else math.inf:.3g} times less, by a factor of {factor:.2g} a layer.",
        "Use relu with he_normal in place of " + first.activation + ", or fewer layers."
        if first.activation in ("sigmoid", "tanh", "softsign", "softplus")
        else "Start from larger weights (he_normal), or use fewer layers.",
        {"ratio": ratio, "a_layer": factor},
    )


def exploding_gradients(m: Measurements) -> Finding | None:
    """Gradients that grow on their way to the first layer, or what passes grows on its way to the last."""
    samples = m.history.samples
    ratio, names, place = _through_layers(m)
    if not samples or len(names) < 2:
        return None
    first = samples[place].layers
    sums = [first[name].sum for name in names]
    grown = sums[-1] / sums[0] if sums[0] > 0 else 0.0
    if not (_more(ratio, EXPLODED) or _more(grown, EXPLODED)):
        return None
    norms = [math.sqrt(sum(p.gradient**2 for p in sample.parameters.values())) for sample in samples]
    by_sums = not _more(ratio, EXPLODED)
    told = (
        f"the sums of {names[-1]} are {grown:.3g} times as large as those of {names[0]} ({sums[-1]:.3g} and {sums[0]:.3g})"
        if by_sums
        else f"δ, the derivative of the loss by a unit's sum, is {ratio:.3g} times as large in {names[0]} as in {names[-1]}"
    )
    return Finding(
        "exploding_gradients",
        names[-1] if by_sums else names[0],
        samples[place].step,
        f"{told}, a factor of {(grown if by_sums else ratio or 1.0) ** (1 / (len(names) - 1)):.2g} a layer; the norm of all gradients is "
        f"{norms[place]:.3g} at step {samples[place].step}.",
        "Start from smaller weights (he_normal for relu), clip the gradient's norm, or use fewer layers.",
        {"ratio": ratio or 0.0, "sums": grown, "norm": norms[place]},
    )


def _more(value: float | None, limit: float) -> bool:
    return value is not None and (value > limit or math.isnan(value))


def _through_layers(m: Measurements) -> tuple[float | None, list[str], int]:
    """Return δ's size in the first hidden layer as a share of that in the last, at the first step; the layers; and the sample's place."""
    first = m.history.samples[0] if m.history.samples else None
    if first is None or first.step > 1 or not first.layers:
        return None, [], 0
    names = list(first.layers)
    return _ratio(first.layers[names[0]].delta, first.layers[names[-1]].delta), names, 0


def _ratio(first: float, last: float) -> float:
    return first / last if last > 0 else math.nan if first != first else 1.0
