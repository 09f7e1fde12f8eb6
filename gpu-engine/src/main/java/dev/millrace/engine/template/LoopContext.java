package dev.millrace.engine.template;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * The variable {@code loop} inside a for loop. Looks one item ahead only when asked for {@code last} or
 * {@code nextitem}, and takes the rest of a generator in only when asked for the length.
 */
final class LoopContext implements PyCallable {

    /** Runs the loop's body over other items and returns what it prints. */
    interface Recursion {
        String over(Object items);
    }

    private final int depth0;
    private final Recursion recursion;
    private Iterator<Object> items;
    private long length;
    private long index0 = -1;
    private Object before;
    private Object current;
    private Object after;
    private boolean peeked;
    private List<Object> lastChanged;

    /** @param length of the items, or -1 while it is not known */
    LoopContext(Iterator<Object> items, long length, int depth0, Recursion recursion) {
        this.items = items;
        this.length = length;
        this.depth0 = depth0;
        this.recursion = recursion;
    }

    boolean advance() {
        Object next;
        if (peeked) {
            next = after;
            peeked = false;
        } else if (items.hasNext()) {
            next = items.next();
        } else {
            return false;
        }
        index0++;
        before = current;
        current = next;
        return true;
    }

    Object current() {
        return current;
    }

    long index() {
        return index0 + 1;
    }

    long length() {
        if (length < 0) {
            List<Object> rest = new ArrayList<>();
            items.forEachRemaining(rest::add);
            length = rest.size() + index() + (peeked ? 1 : 0);
            items = rest.iterator();
        }
        return length;
    }

    private boolean peek() {
        if (!peeked && items.hasNext()) {
            after = items.next();
            peeked = true;
        }
        return peeked;
    }

    /** An attribute, or {@link PyValues#ABSENT}. */
    Object attribute(String name) {
        return switch (name) {
            case "index" -> index();
            case "index0" -> index0;
            case "revindex" -> length() - index0;
            case "revindex0" -> length() - index();
            case "first" -> index0 == 0;
            case "last" -> !peek();
            case "length" -> length();
            case "depth" -> depth0 + 1L;
            case "depth0" -> (long) depth0;
            case "previtem" -> index0 == 0 ? new Undefined("there is no previous item") : before;
            case "nextitem" -> peek() ? after : new Undefined("there is no next item");
            case "cycle" -> (PyCallable) (interpreter, args) -> cycle(args.positional());
            case "changed" -> (PyCallable) (interpreter, args) -> changed(args.positional());
            default -> PyValues.ABSENT;
        };
    }

    private Object cycle(List<Object> values) {
        if (values.isEmpty()) {
            throw PyError.of("no items for cycling given");
        }
        return values.get((int) (index0 % values.size()));
    }

    private boolean changed(List<Object> values) {
        if (lastChanged != null && PyValues.equal(lastChanged, values)) {
            return false;
        }
        lastChanged = values;
        return true;
    }

    @Override
    public Object call(Interpreter interpreter, CallArgs args) {
        if (recursion == null) {
            throw PyError.of("The loop must have the 'recursive' marker to be called recursively.");
        }
        return recursion.over(args.check("loop", 1, "iterable").get(0, "iterable", null));
    }

    @Override
    public String typeName() {
        return "LoopContext";
    }
}
