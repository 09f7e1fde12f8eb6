package dev.millrace.worker;

import dev.millrace.engine.scheduler.AdmissionBounds;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Which job of a tenant goes next, by going through a plain list of those that wait. */
final class TenantOrderOracle {
    private final AdmissionBounds bounds;
    private final List<InFlightJob> waiting = new ArrayList<>();
    private final Map<Long, Integer> turns = new HashMap<>();
    private Long lastPrefix;
    private int taken;
    private int longest;

    /** Choices by rule: due, near deadline, same prefix, earliest. */
    final int[] choices = new int[4];

    TenantOrderOracle(AdmissionBounds bounds) {
        this.bounds = bounds;
    }

    void add(InFlightJob job) {
        turns.putIfAbsent(id(job), taken + waiting.size());
        longest = waiting.isEmpty() ? 1 : Math.max(longest, waiting.size() + 1);
        waiting.add(job);
    }

    void remove(InFlightJob job) {
        waiting.remove(job);
    }

    void giveBack(InFlightJob job) {
        taken--;
        add(job);
    }

    int size() {
        return waiting.size();
    }

    InFlightJob any(int index) {
        return waiting.get(index);
    }

    /** Takes the next one. The clock stands still, so that only the shortest lead counts. */
    InFlightJob take(long nowMs) {
        int top = waiting.stream().mapToInt(job -> job.request().priority()).max().orElseThrow();
        List<InFlightJob> urgent =
                waiting.stream()
                        .filter(job -> job.request().priority() == top)
                        .sorted(Comparator.comparingLong(TenantOrderOracle::id))
                        .toList();
        InFlightJob next = choose(urgent, nowMs);
        waiting.remove(next);
        lastPrefix = next.job().getPrefixFingerprint();
        taken++;
        return next;
    }

    private InFlightJob choose(List<InFlightJob> urgent, long nowMs) {
        InFlightJob due = urgent.getFirst();
        InFlightJob earliestDeadline = null;
        InFlightJob sibling = null;
        for (InFlightJob job : urgent) {
            due = turns.get(id(job)) < turns.get(id(due)) ? job : due;
            if (deadlineMs(job) - nowMs <= bounds.minDeadlineLeadMs()
                    && (earliestDeadline == null
                            || deadlineMs(job) < deadlineMs(earliestDeadline))) {
                earliestDeadline = job;
            }
            if (sibling == null
                    && lastPrefix != null
                    && lastPrefix.equals(job.job().getPrefixFingerprint())) {
                sibling = job;
            }
        }
        long allowed =
                Math.max(bounds.minOvertakers(), (long) (bounds.overtakersPerWaiting() * longest));
        if (turns.get(id(due)) + allowed <= taken) {
            choices[0]++;
            return due;
        }
        if (earliestDeadline != null) {
            choices[1]++;
            return earliestDeadline;
        }
        choices[sibling != null ? 2 : 3]++;
        return sibling != null ? sibling : urgent.getFirst();
    }

    private static long id(InFlightJob job) {
        return job.request().requestId();
    }

    private static long deadlineMs(InFlightJob job) {
        return job.job().getDeadline() == null
                ? Long.MAX_VALUE
                : job.job().getDeadline().toEpochMilli();
    }
}
