"""erf: a polynomial near 0; far from it, 1 less an exponential whose argument is a polynomial."""

from __future__ import annotations

from chainrule.backends.llvm.math.exponential import reduced_expm1
from chainrule.backends.llvm.math.lanes import Real, fma, polynomial, where

# erf(x)/x − 1 in x², below 0.9 and 1; errors 2^-26.1 and 2^-56.0, relative to erf (tools/minimax.py)
_NEAR = {
    "float32": (0.12837915122509003, -0.37612515687942505, 0.11282084882259369, -0.02677726559340954, 0.005009871441870928,
                -0.0006080734892748296),
    "float64": (0.12837916709551256, -0.37612638903183376, 0.11283791670939435, -0.026866170642465437, 0.005223977601464726,
                -0.0008548325729498802, 0.00012055288146870457, -1.4924616475531684e-05, 1.644603597463532e-06, -1.6198483879953489e-07,
                1.3679188868212214e-08, -7.723483901934654e-10),
}  # fmt: skip
# −log(erfc(x))/x − 1 from there to 4 and 6, beyond which erf is 1; errors 2^-30.1 and 2^-64.3, relative to erf (tools/minimax.py)
_FAR = {
    "float32": (0.12863706052303314, 0.6351980566978455, 0.10615908354520798, -0.023694666102528572, 0.0036104267928749323,
                -0.0003148891846649349, 1.0437330274726264e-05),
    "float64": (0.1283792068435139, 0.6366193123493117, 0.10277511490505872, -0.019137050015942743, -0.00018845914163139875,
                0.0016588287992290248, -0.0005378705346044241, -3.2062443717571264e-05, 0.00011609713996564215, -6.679425731048631e-05,
                2.4747877965442225e-05, -6.770079036896526e-06, 1.4015887215403076e-06, -2.1364264799087388e-07, 2.140291487312172e-08,
                -7.159981253221499e-10, -1.749489903644855e-10, 3.556458425109773e-11, -3.3235332106711294e-12, 1.6876388027541554e-13,
                -3.7622737591603834e-15),
}  # fmt: skip
_NEARNESS = {"float32": 0.9, "float64": 1.0}
_ONE = {"float32": 4.0, "float64": 6.0}


def erf(x: Real) -> Real:
    """2/√π · ∫₀ˣ e^(−t²) dt. Far from 0, erf x = 1 − e^(−x − x·g(x)) with a polynomial g (after N. Juffa's erff)."""
    kind = x.format.dtype
    near = fma(x, polynomial(x * x, _NEAR[kind]), x)
    size = abs(x)
    t = size.at_most(_ONE[kind])
    power, p = reduced_expm1(-fma(t, polynomial(t, _FAR[kind]), t), x.format.bias)
    return where(size < _NEARNESS[kind], near, fma(p, -power, 1.0 - power).with_sign_of(x))
