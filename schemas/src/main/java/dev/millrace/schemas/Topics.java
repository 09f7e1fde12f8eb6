package dev.millrace.schemas;

import java.time.Duration;
import java.util.List;

/** Names of the topics, in the order a record passes them, and how each must be made. */
public final class Topics {
    public static final String PROMPTS = "prompts";
    public static final String SHARED_PREFIXES = "shared-prefixes";
    public static final String COMPLETIONS = "completions";
    public static final String ANSWERS = "answers";
    public static final String USAGE = "usage";
    public static final String TENANT_USAGE = "tenant-usage";
    public static final String DEAD_LETTERS = "dead-letters";
    public static final String BATCH_EVENTS = "batch-events";
    public static final String BATCHES = "batches";
    public static final String CONTROL = "control";
    public static final String WORKER_STATS = "worker-stats";
    public static final String LAG = "lag";
    public static final String DEFAULT_POOL = "default";

    private static final String READY_PREFIX = "ready.";
    private static final String HAND_OVER_PREFIX = "hand-over.";

    /** A hand-over older than this is of no use: its job has long been answered. */
    private static final Duration HAND_OVER_KEPT = Duration.ofDays(1);

    /** Longer than ingest remembers answers by default; what it does not remember is computed. */
    private static final Duration ANSWERS_KEPT = Duration.ofDays(14);

    private Topics() {}

    /** The topic from which the workers of a pool read admitted jobs. */
    public static String ready(String pool) {
        if (!pool.matches("[a-zA-Z0-9._-]{1,200}")) {
            throw new IllegalArgumentException(
                    "pool name '" + pool + "' is not letters, digits, '.', '_' or '-'");
        }
        return READY_PREFIX + pool;
    }

    /** The pool of a ready topic. */
    public static String poolOf(String ready) {
        if (!ready.startsWith(READY_PREFIX)) {
            throw new IllegalArgumentException("'" + ready + "' is no ready topic");
        }
        return ready.substring(READY_PREFIX.length());
    }

    /** Where the workers of a pool leave what they have generated for jobs that they let go. */
    public static String handOver(String pool) {
        return HAND_OVER_PREFIX + poolOf(ready(pool));
    }

    /**
     * How one topic must be made: {@code partitions} is ignored for compacted tables that are read whole,
     * which have one.
     *
     * @param kept how long a compacted topic keeps a record that nothing has replaced; null for ever
     */
    public record Spec(String name, int partitions, boolean compacted, Duration kept) {
        public Spec(String name, int partitions, boolean compacted) {
            this(name, partitions, compacted, null);
        }
    }

    /** Every topic of an installation with one pool; {@code partitions} for those that scale. */
    public static List<Spec> all(String pool, int partitions) {
        return List.of(
                new Spec(PROMPTS, partitions, false),
                new Spec(SHARED_PREFIXES, 1, true),
                new Spec(ready(pool), partitions, false),
                new Spec(handOver(pool), partitions, true, HAND_OVER_KEPT),
                new Spec(COMPLETIONS, partitions, false),
                new Spec(ANSWERS, partitions, true, ANSWERS_KEPT),
                new Spec(USAGE, partitions, false),
                new Spec(TENANT_USAGE, 1, true),
                new Spec(DEAD_LETTERS, 1, false),
                new Spec(BATCH_EVENTS, partitions, false),
                new Spec(BATCHES, 1, true),
                new Spec(CONTROL, 1, true),
                new Spec(WORKER_STATS, 1, true),
                new Spec(LAG, 1, true));
    }
}
