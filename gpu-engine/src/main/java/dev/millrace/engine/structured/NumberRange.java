package dev.millrace.engine.structured;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The decimal numbers between two bounds, as digits: an automaton that walks along both bounds and
 * knows whether it is still on the lower one, still on the upper one, and the remainder so far by
 * the divisor. One alternative for each count of digits before the point.
 */
final class NumberRange {
    /** More digits than a double tells apart would make the comparison another one. */
    static final int DIGITS_MAX = 15;

    private static final int DIVISOR_MAX = 100;
    private static final int OPEN_FRACTION = 6;

    private final JsonText json;
    private final Nodes nodes;
    private final Limits limits;

    /** Digits behind the point at most. */
    private final int fraction;

    /** The divisor in units of the last digit; 1 for none. */
    private final int divisor;

    private final Map<State, Node> known = new HashMap<>();
    private String low;
    private String high;
    private int whole;
    private boolean lowExclusive;
    private boolean highExclusive;

    /**
     * @param min null for none
     * @param max null for none
     * @param step what the number is a multiple of; null for none
     * @param isInteger no fraction
     */
    record Limits(
            BigDecimal min,
            boolean minExclusive,
            BigDecimal max,
            boolean maxExclusive,
            BigDecimal step,
            boolean isInteger) {

        /** The same integers between inclusive whole bounds. */
        Limits whole() {
            BigDecimal from = min == null ? null : min.setScale(0, RoundingMode.CEILING);
            BigDecimal to = max == null ? null : max.setScale(0, RoundingMode.FLOOR);
            if (from != null && minExclusive && from.compareTo(min) == 0) {
                from = from.add(BigDecimal.ONE);
            }
            if (to != null && maxExclusive && to.compareTo(max) == 0) {
                to = to.subtract(BigDecimal.ONE);
            }
            return new Limits(from, false, to, false, step, true);
        }
    }

    /**
     * @param left digits to come before the point; negative behind it
     */
    private record State(int left, boolean onLow, boolean onHigh, int remainder) {
        boolean isBound() {
            return onLow || onHigh;
        }
    }

    private NumberRange(JsonText json, Limits asked) {
        this.json = json;
        this.nodes = json.nodes;
        limits = asked.isInteger() ? asked.whole() : asked;
        int scale = 0;
        for (BigDecimal bound : new BigDecimal[] {limits.min(), limits.max()}) {
            scale = bound == null ? scale : Math.max(scale, scaleOf(bound));
        }
        BigDecimal step = limits.step();
        if (step != null) {
            fraction = limits.isInteger() ? 0 : Math.max(scaleOf(step), scale);
            divisor = divisor(step, fraction);
        } else {
            fraction = limits.isInteger() ? 0 : Math.max(OPEN_FRACTION, scale);
            divisor = 1;
        }
    }

    /**
     * @throws ConstraintException if there is no such number, or the bounds are too long
     */
    static Node of(JsonText json, Limits limits) {
        Node node = new NumberRange(json, limits).node();
        if (node == json.nodes.never) {
            throw new ConstraintException("", "has bounds between which there is no number");
        }
        return json.nodes.unit(node);
    }

    private Node node() {
        BigDecimal most = BigDecimal.TEN.pow(DIGITS_MAX - fraction).subtract(BigDecimal.ONE);
        BigDecimal min = limits.min() == null ? most.negate() : limits.min();
        BigDecimal max = limits.max() == null ? most : limits.max();
        if (min.abs().compareTo(most) > 0 || max.abs().compareTo(most) > 0) {
            throw new ConstraintException(
                    "", "has bounds of more than " + DIGITS_MAX + " digits, which is not supported");
        }
        Node positive = nodes.never;
        if (max.signum() >= 0) {
            boolean fromZero = min.signum() < 0;
            positive =
                    magnitudes(
                            fromZero ? BigDecimal.ZERO : min,
                            !fromZero && limits.minExclusive(),
                            max,
                            limits.maxExclusive());
        }
        Node negative = nodes.never;
        if (min.signum() < 0) {
            boolean toZero = max.signum() >= 0;
            negative =
                    nodes.sequence(
                            json.literal('-'),
                            magnitudes(
                                    toZero ? BigDecimal.ZERO : max.negate(),
                                    toZero || limits.maxExclusive(),
                                    min.negate(),
                                    limits.minExclusive()));
        }
        return nodes.choice(positive, negative);
    }

    /** Numbers without a sign between two that are not negative. */
    private Node magnitudes(BigDecimal from, boolean openLow, BigDecimal to, boolean openHigh) {
        List<Node> options = new ArrayList<>();
        for (whole = 1; whole <= DIGITS_MAX - fraction; whole++) {
            BigDecimal least =
                    whole == 1 ? BigDecimal.ZERO : BigDecimal.TEN.pow(whole - 1);
            BigDecimal beyond = BigDecimal.TEN.pow(whole);
            boolean cutLow = from.compareTo(least) >= 0;
            boolean cutHigh = to.compareTo(beyond) < 0;
            if (from.compareTo(beyond) >= 0 || to.compareTo(least) < 0) {
                continue;
            }
            low = digits(cutLow ? from : least);
            high = cutHigh ? digits(to) : "9".repeat(low.length());
            if (low.length() != high.length()) {
                throw new IllegalStateException(low + " and " + high + " differ in length");
            }
            lowExclusive = cutLow && openLow;
            highExclusive = cutHigh && openHigh;
            known.keySet().removeIf(State::isBound);
            options.add(after(new State(whole, true, true, 0)));
        }
        return nodes.choice(options);
    }

    /** Digits before and behind the point, in one row, as many as a number may have. */
    private String digits(BigDecimal value) {
        String text = value.movePointRight(fraction).toBigIntegerExact().toString();
        return "0".repeat(Math.max(0, whole + fraction - text.length())) + text;
    }

    private Node after(State state) {
        Node node = known.get(state);
        if (node == null) {
            List<Node> options = new ArrayList<>();
            if (state.left() <= 0 && mayEnd(state)) {
                options.add(nodes.empty);
            }
            addDigits(state, options);
            node = nodes.choice(options);
            known.put(state, node);
        }
        return node;
    }

    private void addDigits(State state, List<Node> options) {
        int at = whole - state.left();
        if (at == whole + fraction) {
            return;
        }
        int from = state.onLow() ? low.charAt(at) - '0' : 0;
        int to = state.onHigh() ? high.charAt(at) - '0' : 9;
        for (int digit = from; digit <= to; digit++) {
            State next =
                    new State(
                            state.left() - 1,
                            state.onLow() && digit == from,
                            state.onHigh() && digit == to,
                            (10 * state.remainder() + digit) % divisor);
            Node one = nodes.sequence(json.literal((char) ('0' + digit)), after(next));
            options.add(at == whole ? nodes.sequence(json.literal('.'), one) : one);
        }
    }

    /** Whether the number is in range if nothing but zeros followed. */
    private boolean mayEnd(State state) {
        String zeros = "0".repeat(fraction + state.left());
        boolean isLow = state.onLow() && low.endsWith(zeros);
        if (state.onLow() && (!isLow || lowExclusive)) {
            return false;
        }
        boolean isHigh = state.onHigh() && high.endsWith(zeros);
        if (isHigh && highExclusive) {
            return false;
        }
        long remainder = state.remainder();
        for (int i = -state.left(); i < fraction; i++) {
            remainder = 10 * remainder % divisor;
        }
        return remainder == 0;
    }

    private static int divisor(BigDecimal step, int scale) {
        if (step.signum() <= 0) {
            throw new ConstraintException("/multipleOf", "must be above 0, not " + step);
        }
        BigDecimal units = step.movePointRight(scale).stripTrailingZeros();
        if (units.scale() > 0 || units.compareTo(BigDecimal.valueOf(DIVISOR_MAX)) > 0) {
            throw new ConstraintException(
                    "/multipleOf",
                    "must have at most "
                            + DIVISOR_MAX
                            + " units of its last digit, and be whole for integers, not "
                            + step);
        }
        return units.intValueExact();
    }

    private static int scaleOf(BigDecimal value) {
        int scale = Math.max(0, value.stripTrailingZeros().scale());
        if (scale > DIGITS_MAX - 1) {
            throw new ConstraintException(
                    "", "has bounds of more than " + DIGITS_MAX + " digits, which is not supported");
        }
        return scale;
    }
}
