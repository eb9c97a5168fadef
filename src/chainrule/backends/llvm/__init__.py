"""Programs as machine code: groups, stages, a plan of memory, and LLVM IR, made for the machine at hand."""

from chainrule.backends.llvm.executable import Executable, Training, processors
from chainrule.backends.llvm.session import Session
from chainrule.backends.llvm.shuffle import permutation

__all__ = ["Executable", "Session", "Training", "permutation", "processors"]
