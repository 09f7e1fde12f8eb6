package dev.millrace.ingest;

import java.util.Map;

/**
 * What an installation may want beyond the ordinary; all of it is off unless asked for, since it
 * makes ingest read the completions too.
 *
 * @param reEmitsDuplicates whether a job that was answered and comes again gets its stored
 *     completion once more
 * @param reusesEqualAnswers whether a job whose content was answered before gets that answer
 * @param quotas by tenant; {@link TenantQuota#EVERYONE_ELSE} names those without one of their own
 * @param tasks over how many tasks the jobs are spread; {@link IngestApp} sets it to the partitions
 *     of the prompts topic
 */
public record IngestPolicies(
        boolean reEmitsDuplicates,
        boolean reusesEqualAnswers,
        Map<String, TenantQuota> quotas,
        int tasks) {
    /** Duplicates are dropped, nobody has a quota. */
    public static final IngestPolicies NONE = new IngestPolicies(false, false, Map.of(), 1);

    public IngestPolicies {
        quotas = Map.copyOf(quotas);
        if (tasks < 1) {
            throw new IllegalArgumentException(
                    "ingest setting tasks must be at least 1, not " + tasks);
        }
    }

    /** Whether ingest must know which jobs have ended. */
    boolean readsCompletions() {
        return reEmitsDuplicates || reusesEqualAnswers || !quotas.isEmpty();
    }

    IngestPolicies withTasks(int count) {
        return new IngestPolicies(reEmitsDuplicates, reusesEqualAnswers, quotas, count);
    }
}
