package dev.millrace.worker;

import dev.millrace.schemas.PromptJob;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Jobs for a {@link FairQueue}, numbered in order of arrival. */
final class QueuedJobs {
    private long nextId;

    private record Asked(long requestId, int priority, int promptTokens) implements JobRequest {
        @Override
        public JobRequest withPriority(int changed) {
            return new Asked(requestId, changed, promptTokens);
        }

        @Override
        public int maxTokens() {
            return 1;
        }

        @Override
        public int numChoices() {
            return 1;
        }
    }

    /**
     * @param prefix null for none
     */
    InFlightJob next(String tenant, Long prefix, int promptTokens, int priority) {
        PromptJob job = new PromptJob();
        job.setTenant(tenant);
        job.setPrefixFingerprint(prefix);
        return new InFlightJob(null, 0, 10, null, job, new Asked(nextId++, priority, promptTokens));
    }

    /** So many jobs of each tenant over so many prefixes of its own, in random order. */
    List<InFlightJob> mixed(Random random, List<String> tenants, int jobsEach, int prefixesEach) {
        List<InFlightJob> jobs = new ArrayList<>();
        for (int i = 0; i < jobsEach; i++) {
            for (String tenant : tenants) {
                long prefix = 1000L * tenant.hashCode() + random.nextInt(prefixesEach);
                jobs.add(next(tenant, prefix, 1 + random.nextInt(2000), 0));
            }
        }
        return jobs;
    }

    /** The same job, of which nobody knows the prefix. */
    static InFlightJob withoutPrefix(InFlightJob job) {
        PromptJob bare = new PromptJob();
        bare.setTenant(job.job().getTenant());
        bare.setDeadline(job.job().getDeadline());
        return new InFlightJob(null, 0, 10, null, bare, job.request());
    }

    static void setDeadline(InFlightJob job, long ms) {
        job.job().setDeadline(Instant.ofEpochMilli(ms));
    }

    static void addAll(FairQueue queue, List<InFlightJob> jobs) {
        for (InFlightJob job : jobs) {
            queue.open(job);
            queue.add(job);
        }
    }
}
