package dev.millrace.engine.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;

/** Python's arithmetic: integers without bound, floats in double precision, booleans as 0 and 1. */
final class PyNumbers {
    /** Integers beyond this many bits are no template's business. */
    private static final int MAX_BITS = 1 << 14;

    private PyNumbers() {}

    static boolean isNumber(Object value) {
        return isInteger(value) || value instanceof Double;
    }

    /** Whether Python's {@code isinstance(value, int)} holds, which it does for booleans. */
    static boolean isInteger(Object value) {
        return value instanceof Long || value instanceof BigInteger || value instanceof Boolean;
    }

    static boolean isNaN(Object value) {
        return value instanceof Double d && d.isNaN();
    }

    static Object integer(BigInteger value) {
        if (value.bitLength() > MAX_BITS) {
            throw PyError.limit("an integer grows beyond " + MAX_BITS + " bits");
        }
        return value.bitLength() < 64 ? (Object) value.longValue() : value;
    }

    static BigInteger big(Object value) {
        return switch (value) {
            case Boolean b -> b ? BigInteger.ONE : BigInteger.ZERO;
            case Long l -> BigInteger.valueOf(l);
            case BigInteger b -> b;
            case null, default -> throw notInteger(value);
        };
    }

    private static PyError notInteger(Object value) {
        if (value instanceof Undefined u) {
            return u.error();
        }
        return PyError.of(
                PyRepr.text(PyValues.typeName(value))
                        + " object cannot be interpreted as an integer");
    }

    /** An int that fits where a count or an index is wanted. */
    static long index(Object value) {
        BigInteger big = big(value);
        if (big.bitLength() > 62) {
            return big.signum() < 0 ? Long.MIN_VALUE / 2 : Long.MAX_VALUE / 2;
        }
        return big.longValue();
    }

    static double real(Object value) {
        return switch (value) {
            case Double d -> d;
            case Long l -> l;
            case Boolean b -> b ? 1 : 0;
            case BigInteger b -> b.doubleValue();
            case Undefined u -> throw u.error();
            case null, default ->
                    throw PyError.of("must be real number, not " + PyValues.typeName(value));
        };
    }

    /** Exact comparison of two numbers, neither NaN. */
    static int compare(Object a, Object b) {
        if (a instanceof Long x && b instanceof Long y) {
            return Long.compare(x, y);
        }
        boolean infinite =
                a instanceof Double x && x.isInfinite() || b instanceof Double y && y.isInfinite();
        if (infinite || a instanceof Double && b instanceof Double) {
            double x = real(a);
            double y = real(b);
            return x < y
                    ? -1
                    : x > y ? 1 : 0; // unlike Double.compare, takes -0.0 and 0.0 for equal
        }
        return decimal(a).compareTo(decimal(b));
    }

    private static BigDecimal decimal(Object value) {
        return value instanceof Double d ? new BigDecimal(d) : new BigDecimal(big(value));
    }

    static Object add(Object a, Object b) {
        return isInteger(a) && isInteger(b)
                ? integer(big(a).add(big(b)))
                : (Object) (real(a) + real(b));
    }

    static Object subtract(Object a, Object b) {
        return isInteger(a) && isInteger(b)
                ? integer(big(a).subtract(big(b)))
                : (Object) (real(a) - real(b));
    }

    static Object multiply(Object a, Object b) {
        return isInteger(a) && isInteger(b)
                ? integer(big(a).multiply(big(b)))
                : (Object) (real(a) * real(b));
    }

    static Object divide(Object a, Object b) {
        if (real(b) == 0) {
            throw PyError.of(
                    isInteger(a) && isInteger(b) ? "division by zero" : "float division by zero");
        }
        if (isInteger(a) && isInteger(b) && Math.max(big(a).bitLength(), big(b).bitLength()) > 53) {
            return new BigDecimal(big(a))
                    .divide(new BigDecimal(big(b)), new MathContext(60))
                    .doubleValue();
        }
        return real(a) / real(b);
    }

    static Object floorDivide(Object a, Object b) {
        if (isInteger(a) && isInteger(b)) {
            return integer(floorParts(big(a), big(b), "integer division or modulo by zero")[0]);
        }
        if (real(b) == 0) {
            throw PyError.of("float floor division by zero");
        }
        return Math.floor((real(a) - (double) modulo(a, b)) / real(b) + 0.5);
    }

    static Object modulo(Object a, Object b) {
        if (isInteger(a) && isInteger(b)) {
            return integer(floorParts(big(a), big(b), "integer modulo by zero")[1]);
        }
        double divisor = real(b);
        if (divisor == 0) {
            throw PyError.of("float modulo");
        }
        double rest = real(a) % divisor;
        if (rest == 0) {
            return Math.copySign(0.0, divisor);
        }
        return rest < 0 != divisor < 0 ? rest + divisor : rest;
    }

    /** Quotient rounded down, and the rest, which has the sign of the divisor. */
    private static BigInteger[] floorParts(BigInteger a, BigInteger b, String ifZero) {
        if (b.signum() == 0) {
            throw PyError.of(ifZero);
        }
        BigInteger[] parts = a.divideAndRemainder(b);
        if (parts[1].signum() != 0 && parts[1].signum() != b.signum()) {
            parts[0] = parts[0].subtract(BigInteger.ONE);
            parts[1] = parts[1].add(b);
        }
        return parts;
    }

    static Object power(Object a, Object b) {
        if (isInteger(a) && isInteger(b) && big(b).signum() >= 0) {
            BigInteger base = big(a);
            long exponent = index(b);
            long bits = (long) Math.max(base.abs().subtract(BigInteger.ONE).bitLength(), 0);
            if (bits > 0 && exponent > MAX_BITS / bits + 1) {
                throw PyError.limit("an integer grows beyond " + MAX_BITS + " bits");
            }
            if (bits == 0) { // 0, 1 and -1 stay small however large the exponent
                boolean keeps = exponent % 2 == 1 || base.signum() > 0;
                return integer(exponent == 0 ? BigInteger.ONE : keeps ? base : base.negate());
            }
            return integer(base.pow((int) exponent));
        }
        if (real(a) == 0 && real(b) < 0) {
            throw PyError.of("0.0 cannot be raised to a negative power");
        }
        double power = Math.pow(real(a), real(b));
        if (Double.isNaN(power) && real(a) < 0) {
            throw PyError.of("complex numbers are not supported");
        }
        if (Double.isInfinite(power)
                && !Double.isInfinite(real(a))
                && !Double.isInfinite(real(b))) {
            throw PyError.of("(34, 'Numerical result out of range')");
        }
        return power;
    }

    static Object negate(Object value) {
        return value instanceof Double d ? (Object) (-d) : integer(big(value).negate());
    }

    static Object absolute(Object value) {
        return value instanceof Double d ? (Object) Math.abs(d) : integer(big(value).abs());
    }
}
