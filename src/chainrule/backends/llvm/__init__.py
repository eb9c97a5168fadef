"""Programs as machine code: groups, stages, a plan of memory, and LLVM IR, made for the machine at hand."""

from chainrule.backends.llvm.executable import Executable, Training, processors

__all__ = ["Executable", "Training", "processors"]
