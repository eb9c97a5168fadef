"""Programs as machine code: groups, stages, a plan of memory, and LLVM IR, made for the machine at hand."""

from chainrule.backends.llvm.executable import Executable
from chainrule.backends.llvm.order import permutation
from chainrule.backends.llvm.training import Training

__all__ = ["Executable", "Training", "permutation"]
