"""Faults of the oracle and of the comparison."""

from tools.mutant_table.mutant import Mutant, mutants_of

MUTANTS: tuple[Mutant, ...] = (
    *mutants_of(
        "oracle.py",
        {
            "oracle: unbiased variance": ("correction=0", "correction=1"),
            "oracle: dx held against itself alone": (', _against(values["dx"], direct))', ", 0)"),
        },
    ),
    *mutants_of(
        "tolerances.py",
        {
            "comparison that accepts all": (
                "if not all(comparison.agrees for",
                "if not any(True for",
            ),
            "comparison that broadcasts": ("if actual.shape != reference.shape:", "if False:"),
            "comparison that overlooks NaN": (
                "if not np.array_equal(actual[~finite], reference[~finite], equal_nan=True):",
                "if False:",
            ),
            "error that is absolute": ("np.divide(difference, scales,", "np.divide(difference, 1,"),
            "bound loose in every dtype": ("if dtype == np.float64:", "if True:"),
        },
    ),
)
