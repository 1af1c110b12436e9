"""How the kernels are compiled."""

import numba

# Compiled code calls what is compiled so, nobody else does.
INNER = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

# Rounding as it is written down.
exact = numba.njit(**INNER)
# The same, put into what calls it: to compile a function of its own takes longer.
inlined = numba.njit(inline="always", **INNER)
# What the compiler may do for speed. Not: take for granted that NaN and infinities do not come.
fast = numba.njit(fastmath={"reassoc", "contract", "nsz", "arcp"}, **INNER)
