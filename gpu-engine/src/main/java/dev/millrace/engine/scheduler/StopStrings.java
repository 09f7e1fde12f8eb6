package dev.millrace.engine.scheduler;

import java.util.List;

/** Finds stop strings in a growing text, wherever token boundaries fall. */
final class StopStrings {
    private final List<String> stops;
    private final int longest;

    StopStrings(List<String> stops) {
        this.stops = stops;
        int max = 0;
        for (String stop : stops) {
            max = Math.max(max, stop.length());
        }
        longest = max;
    }

    /** A stop string and where it begins. */
    record Match(String stop, int at) {}

    /**
     * The first stop string that ends in the last {@code added} characters; of two that begin
     * together, the one named first in the request.
     *
     * @return null if there is none
     */
    Match find(StringBuilder text, int added) {
        if (stops.isEmpty() || added == 0) {
            return null;
        }
        int from = Math.max(0, text.length() - added - longest + 1);
        Match first = null;
        for (String stop : stops) {
            int at = text.indexOf(stop, from);
            if (at >= 0 && (first == null || at < first.at())) {
                first = new Match(stop, at);
            }
        }
        return first;
    }
}
