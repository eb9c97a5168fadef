"""Functions whose meaning is written in other operations, with a derivative rule of their own that is better than the derived one."""

from __future__ import annotations

from typing import Any

from chainrule.errors import TypeRuleError
from chainrule.ir import Type
from chainrule.ir.types import FLOATS
from chainrule.ops.elementwise import abs, exp, expm1, greater, log, log1p, maximum, normal_cdf, normal_pdf, sigmoid, tanh, where
from chainrule.ops.indexing import one_hot, pick, pick_type
from chainrule.ops.primitive import Domain, Primitive, composite
from chainrule.ops.reductions import amax, sum
from chainrule.ops.structure import reshape
from chainrule.ops.type_rules import elementwise, same_dtype

_SMOOTH = Domain.real(1, -3.0, 3.0)


def _activation(name: str, definition: Any, vjp: Any, *numbers: str) -> Primitive:
    def type_rule(x: Type, **attributes: float) -> Type:
        if attributes.keys() != set(numbers) or not all(isinstance(number, (int, float)) for number in attributes.values()):
            raise TypeRuleError(f"it takes {' and '.join(numbers) or 'no number'}, and was given {attributes}")
        return elementwise(1)(x)

    formula = f"{name}({', '.join(('{0}', *(f'{number} {{{number}}}' for number in numbers)))})"
    return composite(name, definition, type_rule=type_rule, vjp=vjp, domain=_SMOOTH, formula=formula)


# activations

relu: Primitive = _activation("relu", lambda x: maximum(0.0, x), lambda ct, out, x: (where(greater(x, 0.0), ct, 0.0),))
leaky_relu: Primitive = _activation(
    "leaky_relu",
    lambda x, *, slope: where(greater(x, 0.0), x, slope * x),
    lambda ct, out, x, slope: (where(greater(x, 0.0), ct, slope * ct),),
    "slope",
)
elu: Primitive = _activation(
    "elu",
    # the exponential is taken of min(x, 0), so that the branch not chosen cannot overflow
    lambda x, *, alpha: where(greater(x, 0.0), x, alpha * expm1(where(greater(x, 0.0), 0.0, x))),
    lambda ct, out, x, alpha: (ct * where(greater(x, 0.0), 1.0, alpha * exp(where(greater(x, 0.0), 0.0, x))),),
    "alpha",
)
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946  # Klambauer et al. 2017, eq. 14
selu: Primitive = _activation(
    "selu",
    lambda x: SELU_SCALE * elu(x, alpha=SELU_ALPHA),
    lambda ct, out, x: (ct * where(greater(x, 0.0), SELU_SCALE, SELU_SCALE * SELU_ALPHA * exp(where(greater(x, 0.0), 0.0, x))),),
)


gelu: Primitive = _activation("gelu", lambda x: x * normal_cdf(x), lambda ct, out, x: (ct * (normal_cdf(x) + x * normal_pdf(x)),))
silu: Primitive = _activation("silu", lambda x: x * sigmoid(x), lambda ct, out, x: (ct * (sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x)))),))
softplus: Primitive = _activation("softplus", lambda x: maximum(x, 0.0) + log1p(exp(-abs(x))), lambda ct, out, x: (ct * sigmoid(x),))
mish: Primitive = _activation(
    "mish",
    lambda x: x * tanh(softplus(x)),
    lambda ct, out, x: (ct * (tanh(softplus(x)) + x * ((1.0 - tanh(softplus(x)) * tanh(softplus(x))) * sigmoid(x))),),
)
softsign: Primitive = _activation("softsign", lambda x: x / (1.0 + abs(x)), lambda ct, out, x: (ct / ((1.0 + abs(x)) * (1.0 + abs(x))),))

# over the last axis: log-sum-exp and its family


def _rows(x: Type) -> Type:
    same_dtype(x, allowed=FLOATS)
    return Type(x.dtype, x.shape[:-1])


def _column(x: Any) -> Any:
    return reshape(x, shape=(*x.shape, 1))


def _log_sum_exp(x: Any) -> Any:
    largest = amax(x, -1, keepdims=True)
    return log(sum(exp(x - largest), -1)) + reshape(largest, shape=tuple(x.shape)[:-1])


log_sum_exp: Primitive = composite(
    "log_sum_exp",
    _log_sum_exp,
    type_rule=_rows,
    vjp=lambda ct, out, x: (_column(ct) * softmax(x),),
    domain=_SMOOTH,
    formula="log_sum_exp({0})",
)


def _softmax(x: Any) -> Any:
    powers = exp(x - amax(x, -1, keepdims=True))
    return powers / sum(powers, -1, keepdims=True)


softmax: Primitive = composite(
    "softmax",
    _softmax,
    type_rule=elementwise(1),
    vjp=lambda ct, out, x: (out * (ct - sum(ct * out, -1, keepdims=True)),),
    domain=_SMOOTH,
    formula="softmax({0})",
)


def _log_softmax(x: Any) -> Any:
    shifted = x - amax(x, -1, keepdims=True)  # before anything else, or large numbers would swallow small losses
    return shifted - log(sum(exp(shifted), -1, keepdims=True))


log_softmax: Primitive = composite(
    "log_softmax",
    _log_softmax,
    type_rule=elementwise(1),
    vjp=lambda ct, out, x: (ct - softmax(x) * sum(ct, -1, keepdims=True),),
    domain=_SMOOTH,
    formula="log_softmax({0})",
)

# cross-entropy from logits, one number a row


def _cross_entropy(logits: Any, label: Any) -> Any:
    shifted = logits - amax(logits, -1, keepdims=True)
    return log(sum(exp(shifted), -1)) - pick(shifted, label)


cross_entropy_of_labels: Primitive = composite(
    "cross_entropy_of_labels",
    _cross_entropy,
    type_rule=pick_type,
    # δ = softmax − one-hot: no probability is divided by, so nothing overflows however wrong the network is
    vjp=lambda ct, out, logits, label: (
        (softmax(logits) - one_hot(label, size=logits.type.shape[-1], dtype=logits.dtype)) * _column(ct),
        None,
    ),
    domain=Domain(((-3.0, 3.0), None)),
    formula="cross_entropy({0}, label {1})",
)
binary_cross_entropy_of_logits: Primitive = composite(
    "binary_cross_entropy_of_logits",
    lambda logits, target: (maximum(logits, 0.0) - logits * target) + log1p(exp(-abs(logits))),
    type_rule=elementwise(2),
    vjp=lambda ct, out, logits, target: (ct * (sigmoid(logits) - target), -(ct * logits)),
    domain=Domain(((-3.0, 3.0), (0.1, 0.9))),
    formula="binary_cross_entropy({0}, {1})",
)
