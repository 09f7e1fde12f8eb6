package dev.millrace.ops.console;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.ToDoubleFunction;

/** The last ten minutes for the charts, so that a page that is opened shows them at once. */
final class History {
    static final int POINTS_MAX = 300;
    static final long STEP_MS = 2_000;

    private final Deque<Point> points = new ArrayDeque<>();

    /**
     * One instant. Rates are tokens per second over all live workers.
     *
     * @param hitRatio cached tokens per prompt token since the last point; NaN without prompts
     */
    record Point(
            long atMs,
            double promptRate,
            double cachedRate,
            double generationRate,
            long lag,
            int running,
            int waiting,
            double kvShare,
            double hitRatio) {}

    /** Takes a point, unless the last one is too new. */
    void add(Point point) {
        if (!points.isEmpty() && point.atMs() - points.getLast().atMs() < STEP_MS) {
            return;
        }
        points.addLast(point);
        if (points.size() > POINTS_MAX) {
            points.removeFirst();
        }
    }

    /** Columns of numbers, oldest first; what is not known is null. */
    void write(ObjectNode json) {
        column(json, "at_ms", Point::atMs);
        column(json, "prompt_rate", Point::promptRate);
        column(json, "cached_rate", Point::cachedRate);
        column(json, "generation_rate", Point::generationRate);
        column(json, "lag", Point::lag);
        column(json, "running", Point::running);
        column(json, "waiting", Point::waiting);
        column(json, "kv_share", Point::kvShare);
        column(json, "hit_ratio", Point::hitRatio);
    }

    private void column(ObjectNode json, String name, ToDoubleFunction<Point> value) {
        ArrayNode column = json.putArray(name);
        for (Point point : points) {
            double number = value.applyAsDouble(point);
            if (Double.isNaN(number)) {
                column.addNull();
            } else if (number == Math.rint(number)) {
                column.add((long) number);
            } else {
                column.add(Math.round(number * 1000) / 1000.0);
            }
        }
    }
}
