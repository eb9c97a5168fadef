from chainrule import data as data
from chainrule import errors as errors
from chainrule import inspect as inspect
from chainrule import ir as ir
from chainrule import losses as losses
from chainrule import nn as nn
from chainrule import ops as ops
from chainrule import optim as optim
from chainrule import training as training
from chainrule import transforms as transforms
from chainrule.backends.reference import evaluate as evaluate
from chainrule.ir import Program as Program
from chainrule.ir import Type as Type
from chainrule.ops import trace as trace
from chainrule.training.fit import fit as fit
from chainrule.training.model import Model as Model
from chainrule.training.model_file import load as load
from chainrule.training.step import training_step as training_step
from chainrule.training.textbook.loading import load_example as load_example
from chainrule.training.train import train as train
from chainrule.transforms import expand as expand
from chainrule.transforms import grad as grad
from chainrule.transforms import retype as retype
from chainrule.transforms import reverse as reverse
from chainrule.transforms import simplify as simplify
from chainrule.transforms import value_and_grad as value_and_grad

__version__: str
