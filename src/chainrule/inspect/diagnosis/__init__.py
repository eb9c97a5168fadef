"""What is wrong with a run: a rule for each code, from measurements to a finding with its numbers."""

from chainrule.inspect.diagnosis.codes import CODES, Code
from chainrule.inspect.diagnosis.diagnosis import Diagnosis, diagnose
from chainrule.training.findings import Finding

__all__ = ["CODES", "Code", "Diagnosis", "Finding", "diagnose"]
