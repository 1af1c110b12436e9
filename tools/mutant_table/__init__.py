"""The faults that `tools.mutants` plants in the package: wrong versions of single lines.

Each names a mistake that someone makes, or could. A line that an equation is has at least one.
"""

from tools.mutant_table import judge, lab, scratch, spectra, training, weights
from tools.mutant_table.mutant import Mutant, mutants_of

MUTANTS = (
    *scratch.MUTANTS,
    *lab.MUTANTS,
    *weights.MUTANTS,
    *spectra.MUTANTS,
    *training.MUTANTS,
    *judge.MUTANTS,
)

__all__ = ["MUTANTS", "Mutant", "mutants_of"]
