"""Memory for compiled code: pointers, numbers of all dtypes, and stores past the caches."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LINE = 64  # bytes in a line of the cache
# Numba has no half precision: these stand for it.
BFLOAT16, FLOAT16 = types.uint16, types.int16


@intrinsic
def pointer(context, address, like):
    """Return a pointer to numbers of the type of `like`."""
    kind = types.CPointer(like)

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(kind))

    return kind(address, like), generate


@intrinsic
def ahead(context, start, count):
    """Return the pointer to what lies `count` numbers after `start`."""

    def generate(context, builder, signature, arguments):
        return builder.gep(*arguments[:1], [arguments[1]])

    return start(start, count), generate


@intrinsic
def load(context, start, i):
    """Return the i-th number, as float64. Half precision of an x86 needs F16C."""
    kind = start.dtype

    def generate(context, builder, signature, arguments):
        number = builder.load(builder.gep(arguments[0], [arguments[1]]))
        if kind == BFLOAT16:  # the upper half of a float32
            bits = builder.shl(builder.zext(number, ir.IntType(32)), ir.IntType(32)(16))
            number = builder.bitcast(bits, ir.FloatType())
        elif kind == FLOAT16:
            number = builder.fpext(builder.bitcast(number, ir.HalfType()), ir.FloatType())
        if kind != types.float64:
            number = builder.fpext(number, ir.DoubleType())
        return number

    return types.float64(start, types.int64), generate


@intrinsic
def store(context, start, i, number):
    """Write a float64 as the i-th number, rounded to nearest; to half precision from float32."""
    kind = start.dtype

    def generate(context, builder, signature, arguments):
        start, i, number = arguments
        if kind != types.float64:
            number = builder.fptrunc(number, ir.FloatType())
        if kind == BFLOAT16:
            nan = builder.fcmp_unordered("uno", number, number)
            bits = builder.bitcast(number, ir.IntType(32))
            odd = builder.and_(builder.lshr(bits, bits.type(16)), bits.type(1))
            bits = builder.add(bits, builder.add(odd, bits.type(0x7FFF)))
            bits = builder.trunc(builder.lshr(bits, bits.type(16)), ir.IntType(16))
            number = builder.select(nan, bits.type(0x7FC0), bits)
        elif kind == FLOAT16:
            number = builder.bitcast(builder.fptrunc(number, ir.HalfType()), ir.IntType(16))
        builder.store(number, builder.gep(start, [i]))
        return context.get_dummy_value()

    return types.void(start, types.int64, types.float64), generate


@intrinsic
def offset_in_line(context, start):
    """Return how many bytes a pointer lies after the beginning of its line."""

    def generate(context, builder, signature, arguments):
        address = builder.ptrtoint(arguments[0], ir.IntType(64))
        return builder.and_(address, ir.IntType(64)(LINE - 1))

    return types.int64(start), generate


@intrinsic
def store_line(context, target, source):
    """Copy a line past the caches: what lies in its place is not read first.

    Parameters
    ----------
    target : pointer to the beginning of a line
    source : pointer
    """

    def generate(context, builder, signature, arguments):
        line = ir.VectorType(ir.IntType(64), LINE // 8)
        source = builder.bitcast(arguments[1], line.as_pointer())
        target = builder.bitcast(arguments[0], line.as_pointer())
        store = builder.store(builder.load(source, align=8), target, align=LINE)
        store.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
        return context.get_dummy_value()

    return types.void(target, source), generate


@intrinsic
def fence(context):
    """Wait until all stores are seen by all threads."""

    def generate(context, builder, signature, arguments):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def restrict(context):
    """Tell the compiler that no pointer of this function writes where another one reads.

    It need not ask before it fills vectors, as with the keyword of C.
    """

    def generate(context, builder, signature, arguments):
        for argument in context.call_conv.get_arguments(builder.function):
            if isinstance(argument.type, ir.PointerType):
                argument.add_attribute("noalias")
        return context.get_dummy_value()

    return types.void(), generate
