package dev.millrace.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.scheduler.AdmissionBounds;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * Equal prefixes leave the queue together, within bounds, and tenants get what they got before. Jobs
 * without fingerprints go in order of arrival: the control beside each test.
 */
class FairQueuePrefixTest {
    private static final long SEED = Long.getLong("millrace.seed", 20261128);
    private static final List<String> TENANTS = List.of("a", "b", "heavy");
    private static final Map<String, Integer> WEIGHTS = Map.of("heavy", 3);
    private static final long FAR_MS = 1L << 40;
    private final QueuedJobs jobs = new QueuedJobs();

    @Test
    void eachChoiceIsThatOfAPlainScan() {
        Random random = new Random(SEED);
        AdmissionBounds bounds = new AdmissionBounds(8, 0.25, 60_000, Double.POSITIVE_INFINITY);
        FairQueue queue = new FairQueue(WEIGHTS, bounds);
        Map<String, TenantOrderOracle> oracles = new HashMap<>();
        TENANTS.forEach(tenant -> oracles.put(tenant, new TenantOrderOracle(bounds)));
        // Jobs that never end keep the tenants' history.
        TENANTS.forEach(tenant -> queue.open(jobs.next(tenant, null, 1, 0)));
        for (int i = 0; i < 20_000; i++) {
            TenantOrderOracle oracle = oracles.get(TENANTS.get(random.nextInt(3)));
            // The queue grows and shrinks in waves.
            int least = i / 200 % 2 == 0 ? 0 : 5;
            switch (least + random.nextInt(20 - least)) {
                case 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 -> {
                    InFlightJob job = randomJob(random);
                    QueuedJobs.addAll(queue, List.of(job));
                    oracles.get(job.job().getTenant()).add(job);
                }
                case 11 -> {
                    if (oracle.size() > 0) {
                        InFlightJob job = oracle.any(random.nextInt(oracle.size()));
                        oracle.remove(job);
                        assertTrue(queue.remove(job));
                        queue.close(job);
                    }
                }
                case 12 -> {
                    if (oracle.size() > 0) {
                        InFlightJob job = oracle.any(random.nextInt(oracle.size()));
                        QueuedJobs.setDeadline(job, random.nextBoolean() ? FAR_MS : 50_000);
                        queue.deadlineChanged(job);
                    }
                }
                default -> poll(queue, oracles, random);
            }
        }
        int[] choices = new int[4];
        oracles.values().forEach(o -> add(choices, o.choices));
        for (int count : choices) {
            assertTrue(
                    count > 100,
                    "choices by rule: " + Arrays.toString(choices) + ", seed " + SEED);
        }
    }

    private static void poll(
            FairQueue queue, Map<String, TenantOrderOracle> oracles, Random random) {
        InFlightJob job = queue.poll(0);
        if (job == null) {
            oracles.values().forEach(oracle -> assertEquals(0, oracle.size()));
            return;
        }
        TenantOrderOracle oracle = oracles.get(job.job().getTenant());
        assertSame(oracle.take(0), job, "seed " + SEED);
        if (random.nextInt(10) == 0) {
            queue.giveBack(job);
            oracle.giveBack(job);
        } else {
            queue.settle(job, random.nextInt(1000));
            queue.close(job);
        }
    }

    private InFlightJob randomJob(Random random) {
        Long prefix = random.nextInt(8) == 0 ? null : (long) random.nextInt(6);
        String tenant = TENANTS.get(random.nextInt(3));
        int priority = random.nextInt(30) == 0 ? 1 : 0;
        InFlightJob job = jobs.next(tenant, prefix, 1 + random.nextInt(2000), priority);
        if (random.nextInt(10) == 0) {
            QueuedJobs.setDeadline(job, random.nextBoolean() ? FAR_MS : random.nextInt(60_000));
        }
        return job;
    }

    /** Where all jobs cost the same, whose turn it is does not depend on prefixes at all. */
    @Test
    void equalJobsGiveTheSameTurnsAsInOrderOfArrival() {
        Random random = new Random(SEED);
        FairQueue grouped = new FairQueue(WEIGHTS, AdmissionBounds.DEFAULT);
        FairQueue arrival = new FairQueue(WEIGHTS, AdmissionBounds.DEFAULT);
        List<Long> groupedIds = new ArrayList<>();
        List<Long> arrivalIds = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            if (random.nextInt(5) < 2) {
                String tenant = TENANTS.get(Math.min(2, random.nextInt(6)));
                InFlightJob job = jobs.next(tenant, (long) random.nextInt(5), 700, 0);
                QueuedJobs.addAll(grouped, List.of(job));
                QueuedJobs.addAll(arrival, List.of(QueuedJobs.withoutPrefix(job)));
            } else if (grouped.size() > 50 * random.nextInt(3)) {
                InFlightJob first = grouped.poll(0);
                InFlightJob second = arrival.poll(0);
                assertEquals(
                        second.job().getTenant(), first.job().getTenant(), "seed " + SEED);
                long tokens = random.nextInt(2000);
                grouped.settle(first, tokens);
                arrival.settle(second, tokens);
                groupedIds.add(first.request().requestId());
                arrivalIds.add(second.request().requestId());
            }
        }
        assertTrue(groupedIds.size() > 1_000, groupedIds.size() + " polled");
        assertNotEquals(arrivalIds, groupedIds, "the order within tenants is another one");
    }

    /**
     * While all wait, no two tenants are ever further apart than deficit round robin allows: a
     * quantum and the largest job each, by weight.
     */
    @Test
    void tenantsGetTheirSharesAtEveryInstant() {
        Random random = new Random(SEED);
        List<InFlightJob> mixed = jobs.mixed(random, TENANTS, 4_000, 40);
        FairQueue grouped = new FairQueue(WEIGHTS, AdmissionBounds.DEFAULT);
        QueuedJobs.addAll(grouped, mixed);
        FairQueue arrival = new FairQueue(WEIGHTS, AdmissionBounds.DEFAULT);
        QueuedJobs.addAll(arrival, mixed.stream().map(QueuedJobs::withoutPrefix).toList());
        double allowed = 2 * (FairQueue.QUANTUM_TOKENS + 2001);
        double apart = furthestApart(polled(grouped, 5_000));
        assertTrue(apart <= allowed, apart + " of " + allowed + " tokens apart, seed " + SEED);
        assertTrue(furthestApart(polled(arrival, 5_000)) <= allowed, "seed " + SEED);
        // Positive control: in one line by arrival the heavy one gets no more than others.
        assertTrue(furthestApart(mixed.subList(0, 5_000)) > 100 * allowed);
    }

    private static double furthestApart(List<InFlightJob> order) {
        Map<String, Double> served = new HashMap<>();
        TENANTS.forEach(tenant -> served.put(tenant, 0.0));
        double apart = 0;
        for (InFlightJob job : order) {
            String tenant = job.job().getTenant();
            int weight = WEIGHTS.getOrDefault(tenant, 1);
            served.merge(tenant, (double) FairQueue.costOf(job) / weight, Double::sum);
            double most = Collections.max(served.values());
            apart = Math.max(apart, most - Collections.min(served.values()));
        }
        return apart;
    }

    /** A cache for 12 of 300 prefixes: grouped nearly all hit that can, by arrival few. */
    @Test
    void equalPrefixesLeaveTogether() {
        List<InFlightJob> mixed = jobs.mixed(new Random(SEED), TENANTS, 2_000, 100);
        FairQueue grouped = new FairQueue(WEIGHTS, AdmissionBounds.DEFAULT);
        QueuedJobs.addAll(grouped, mixed);
        FairQueue arrival = new FairQueue(WEIGHTS, AdmissionBounds.DEFAULT);
        QueuedJobs.addAll(arrival, mixed.stream().map(QueuedJobs::withoutPrefix).toList());
        Map<Long, Long> prefixOf = new HashMap<>();
        mixed.forEach(
                job -> prefixOf.put(job.request().requestId(), job.job().getPrefixFingerprint()));
        int ideal = mixed.size() - Set.copyOf(prefixOf.values()).size();
        int with = hits(polled(grouped, mixed.size()), prefixOf, 12);
        int without = hits(polled(arrival, mixed.size()), prefixOf, 12);
        String what = with + " with, " + without + " without, " + ideal + " at best, seed " + SEED;
        System.out.println("prefix hits of " + mixed.size() + " jobs: " + what);
        assertTrue(with >= 0.98 * ideal, what);
        assertTrue(without <= 0.2 * ideal, what);
    }

    private static int hits(List<InFlightJob> order, Map<Long, Long> prefixOf, int room) {
        LinkedHashSet<Long> cache = new LinkedHashSet<>();
        int hits = 0;
        for (InFlightJob job : order) {
            Long prefix = prefixOf.get(job.request().requestId());
            hits += cache.remove(prefix) ? 1 : 0;
            cache.add(prefix);
            if (cache.size() > room) {
                cache.removeFirst();
            }
        }
        return hits;
    }

    /** Jobs of one prefix come as fast as they go; the rare one has its turn all the same. */
    @Test
    void nobodyIsPassedOverForLongerThanTheBoundsAllow() {
        double never = Double.POSITIVE_INFINITY;
        int overtakers = overtakersOfARareJob(new AdmissionBounds(100, 2, 0, never));
        assertTrue(overtakers >= 95 && overtakers <= 110, "overtakers: " + overtakers);
        // Positive control.
        assertEquals(2_000, overtakersOfARareJob(new AdmissionBounds(1L << 40, 0, 0, never)));
    }

    private int overtakersOfARareJob(AdmissionBounds bounds) {
        FairQueue queue = new FairQueue(Map.of(), bounds);
        for (int i = 0; i < 5; i++) {
            QueuedJobs.addAll(queue, List.of(jobs.next("t", 1L, 10, 0)));
        }
        InFlightJob rare = jobs.next("t", 2L, 10, 0);
        QueuedJobs.addAll(queue, List.of(queue.poll(0), rare));
        int overtakers = -5;
        for (int i = 0; i < 2_005; i++) {
            QueuedJobs.addAll(queue, List.of(jobs.next("t", 1L, 10, 0)));
            InFlightJob job = queue.poll(0);
            if (job == rare) {
                return overtakers;
            }
            overtakers++;
        }
        return overtakers;
    }

    @Test
    void aNearDeadlineGoesFirstAlsoWhenItWasSetLater() {
        FairQueue queue = new FairQueue(Map.of(), AdmissionBounds.DEFAULT);
        List<InFlightJob> waiting = new ArrayList<>();
        for (long prefix : new long[] {1, 2, 1, 2, 3}) {
            waiting.add(jobs.next("t", prefix, 10, 0));
        }
        QueuedJobs.addAll(queue, waiting);
        long nowMs = FAR_MS - 70_000;
        QueuedJobs.setDeadline(waiting.get(4), FAR_MS);
        queue.deadlineChanged(waiting.get(4));
        assertSame(waiting.get(0), queue.poll(nowMs), "it is 70 s away");
        assertSame(waiting.get(4), queue.poll(nowMs + 10_000), "it is 60 s away");
        assertSame(waiting.get(1), queue.poll(nowMs), "nobody shares the prefix before");
        assertSame(waiting.get(3), queue.poll(nowMs));
        assertSame(waiting.get(2), queue.poll(nowMs));
        assertNull(queue.poll(nowMs));
    }

    private static List<InFlightJob> polled(FairQueue queue, int count) {
        List<InFlightJob> order = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            order.add(queue.poll(0));
        }
        return order;
    }

    private static void add(int[] to, int[] from) {
        for (int i = 0; i < to.length; i++) {
            to[i] += from[i];
        }
    }
}
