package dev.millrace.ingest;

import dev.millrace.ingest.IngestMetrics.Outcome;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SharedPrefix;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.serde.AvroDeserializer;
import dev.millrace.schemas.serde.AvroSerializer;
import dev.millrace.schemas.serde.WireFormatException;

import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;

/**
 * What happens to a prompt job, in order: read, check its key, drop it if its id was seen (or send
 * its answer again), obey orders, validate, hold it back if its tenant has too much on its way, put
 * its shared prefix in, route.
 *
 * <p>Everything that must survive is in stores and leaves with the input offsets in one
 * transaction. A registry that does not answer is an exception out of here: the thread starts again
 * and reads the record once more.
 */
final class AdmitProcessor implements Processor<byte[], byte[], byte[], byte[]> {
    private static final Duration TALLY_INTERVAL = Duration.ofMillis(200);
    private static final Duration SWEEP_INTERVAL = Duration.ofSeconds(1);
    private static final Duration FORGET_INTERVAL = Duration.ofHours(1);

    /** Bounds the work of one sweep, and so the length of a transaction. */
    private static final int SWEEP_JOBS_MAX = 2_000;

    private final IngestConfig config;
    private final IngestMetrics metrics;
    private final InstantSource clock;
    private final PromptValidator validator;
    private final HotPrefixes hotPrefixes;
    private final AvroDeserializer<PromptJob> jobs = new AvroDeserializer<>(PromptJob.class);
    private final AvroDeserializer<SharedPrefix> prefixReader =
            new AvroDeserializer<>(SharedPrefix.class);
    private final AvroDeserializer<ControlCommand> commands =
            new AvroDeserializer<>(ControlCommand.class);
    private final AvroDeserializer<Completion> completions =
            new AvroDeserializer<>(Completion.class);
    private final AvroSerializer<SpecificRecord> serializer = new AvroSerializer<>();
    private Outlets outlets;
    private SeenJobs seen;
    private Tallies tallies;
    private ParkedJobs parked;
    private SharedPrefixes prefixes;
    private ControlOrders orders;
    private ProcessorContext<byte[], byte[]> context;

    /** Null unless duplicates are answered again. */
    private AnsweredJobs answered;

    /** Null unless answers are given to equal jobs too. */
    private EqualAnswers equalAnswers;

    /** Null unless tenants have quotas. */
    private TenantGate gate;

    AdmitProcessor(IngestConfig config, IngestMetrics metrics, InstantSource clock) {
        this.config = config;
        this.metrics = metrics;
        this.clock = clock;
        this.validator = new PromptValidator(config.allowedModels());
        this.hotPrefixes =
                new HotPrefixes(config.hotPrefixJobsPerMinute(), config.hotPrefixSpread());
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        jobs.configure(config.clientProperties(), false);
        completions.configure(config.clientProperties(), false);
        prefixReader.configure(config.clientProperties(), false);
        commands.configure(config.clientProperties(), false);
        serializer.configure(config.clientProperties(), false);
        orders = new ControlOrders(context.getStateStore(ControlOrders.STORE), commands);
        outlets = new Outlets(context, serializer, config.recordBytesMax());
        seen = new SeenJobs(context.getStateStore(SeenJobs.STORE), config.dedupeRetention());
        tallies =
                new Tallies(
                        context.getStateStore(Tallies.STORE),
                        context.applicationId() + "/" + context.taskId());
        parked = new ParkedJobs(context.getStateStore(ParkedJobs.STORE));
        prefixes = new SharedPrefixes(context.getStateStore(SharedPrefixes.STORE), prefixReader);
        initPolicies();
        context.schedule(
                TALLY_INTERVAL,
                PunctuationType.WALL_CLOCK_TIME,
                at -> tallies.send(clock.instant(), outlets::batchEvent));
        context.schedule(
                SWEEP_INTERVAL,
                PunctuationType.WALL_CLOCK_TIME,
                at -> parked.sweep(SWEEP_JOBS_MAX, this::visitParked));
        context.schedule(
                FORGET_INTERVAL,
                PunctuationType.WALL_CLOCK_TIME,
                at -> tallies.forget(config.dedupeRetention(), clock.millis()));
    }

    private void initPolicies() {
        IngestPolicies policies = config.policies();
        if (policies.reEmitsDuplicates()) {
            answered =
                    new AnsweredJobs(
                            context.getStateStore(AnsweredJobs.STORE), config.dedupeRetention());
        }
        if (policies.reusesEqualAnswers()) {
            equalAnswers =
                    new EqualAnswers(
                            context.getStateStore(EqualAnswers.STORE),
                            context.getStateStore(EqualAnswers.ASKED_STORE),
                            completions,
                            config.dedupeRetention());
        }
        if (!policies.quotas().isEmpty()) {
            EnqueuedJobs enqueued =
                    new EnqueuedJobs(
                            context.getStateStore(EnqueuedJobs.STORE),
                            policies.quotas(),
                            policies.tasks());
            gate = new TenantGate(enqueued, context.getStateStore(TenantGate.HELD_STORE));
            context.schedule(
                    TALLY_INTERVAL,
                    PunctuationType.WALL_CLOCK_TIME,
                    at -> gate.sweep(SWEEP_JOBS_MAX, this::visitHeld));
        }
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        Instant now = clock.instant();
        if (context.recordMetadata().orElseThrow().topic().equals(Topics.COMPLETIONS)) {
            ended(record, now);
            return;
        }
        PromptJob job;
        try {
            job = jobs.deserialize(Topics.PROMPTS, record.value());
        } catch (WireFormatException e) {
            setAside(record, "unreadable_record", e.getMessage(), now);
            return;
        }
        if (job == null) {
            setAside(record, "unreadable_record", "the record has no value", now);
        } else if (job.getJobId().isEmpty()) {
            setAside(
                    record,
                    "missing_job_id",
                    "jobId is empty, so no completion can answer it",
                    now);
        } else if (!Arrays.equals(record.key(), job.getJobId().getBytes(StandardCharsets.UTF_8))) {
            outlets.again(record, job.getJobId());
            metrics.count(Outcome.REKEYED);
        } else if (!seen.add(job.getJobId(), now.toEpochMilli())) {
            tallies.duplicate(job, now.toEpochMilli());
            metrics.count(Outcome.DUPLICATE);
            answerAgain(job, record.headers(), now);
        } else {
            admit(job, record.headers(), record.value(), now);
        }
    }

    /** A job has its completion: its answer is kept, its tenant gets room. */
    private void ended(Record<byte[], byte[]> completion, Instant now) {
        if (completion.key() == null || completion.value() == null) {
            return;
        }
        if (answered != null) {
            answered.put(completion.key(), completion.value(), now.toEpochMilli());
        }
        if (equalAnswers != null) {
            equalAnswers.ended(
                    completion.key(), completion.value(), now, outlets::equalAnswer);
        }
        if (gate != null) {
            gate.ended(completion.key());
        }
    }

    /**
     * Sends the stored answer to a job that came again. One that has no answer yet will get it in
     * its time.
     */
    private void answerAgain(PromptJob job, Headers headers, Instant now) {
        byte[] stored = answered == null ? null : answered.find(job.getJobId(), now.toEpochMilli());
        Completion completion = stored == null ? null : EqualAnswers.read(completions, stored);
        if (completion == null) {
            return;
        }
        completion.setServedFrom(job.getJobId());
        if (outlets.completionAgain(completion, headers, now)) {
            metrics.count(Outcome.RE_EMITTED);
        }
    }

    private void admit(PromptJob job, Headers headers, byte[] value, Instant now) {
        Ending ending = endingOf(job, now);
        if (ending != null) {
            end(job, ending, headers, now);
        } else if (job.getSharedPrefixId() != null && !prefixes.knows(job.getSharedPrefixId())) {
            parked.park(
                    job.getSharedPrefixId(), job.getJobId(), headers, value, now.toEpochMilli());
            metrics.count(Outcome.PARKED);
        } else {
            pass(job, headers, value, now);
        }
    }

    /** The job goes on, unless its tenant has too much on its way already. */
    private void pass(PromptJob job, Headers headers, byte[] value, Instant now) {
        switch (gate == null ? TenantGate.Verdict.PASS : gate.check(job)) {
            case PASS -> resolveAndRoute(job, headers, now);
            case HOLD -> {
                gate.hold(job, headers, value, now.toEpochMilli());
                metrics.count(Outcome.HELD);
            }
            case REFUSE -> end(job, Ending.overQuota(job.getTenant()), headers, now);
        }
    }

    private boolean visitHeld(String tenant, ParkedJobs.Parked waiting) {
        PromptJob job = jobs.deserialize(Topics.PROMPTS, waiting.value());
        Instant now = clock.instant();
        Ending ending = endingOf(job, now);
        if (ending != null) {
            end(job, ending, waiting.headers(), now);
        } else if (gate.mayPass(job)) {
            resolveAndRoute(job, waiting.headers(), now);
        } else {
            return false;
        }
        return true;
    }

    /** How a job ends here by order or because it is at fault; null when it may go on. */
    private Ending endingOf(PromptJob job, Instant now) {
        orders.override(job);
        return orders.isCancelled(job) ? Ending.cancelled() : validator.check(job, now);
    }

    private boolean visitParked(String prefixId, ParkedJobs.Parked waiting) {
        Instant now = clock.instant();
        boolean waitedLong =
                now.toEpochMilli() - waiting.parkedAtMs() >= config.prefixWait().toMillis();
        if (!waitedLong && !prefixes.knows(prefixId)) {
            return false;
        }
        PromptJob job = jobs.deserialize(Topics.PROMPTS, waiting.value());
        Ending ending = endingOf(job, now);
        if (ending != null) {
            end(job, ending, waiting.headers(), now);
        } else {
            pass(job, waiting.headers(), waiting.value(), now);
        }
        return true;
    }

    private void resolveAndRoute(PromptJob job, Headers headers, Instant now) {
        String prefixId = job.getSharedPrefixId();
        if (prefixId == null) {
            route(job, 0, headers, now);
            return;
        }
        int ownMessages = job.getMessages().size();
        String param = "body.shared_prefix_id";
        switch (prefixes.resolve(job)) {
            case RESOLVED -> route(job, job.getMessages().size() - ownMessages, headers, now);
            case UNKNOWN ->
                    end(
                            job,
                            Ending.failed(
                                    "shared_prefix_not_found",
                                    param,
                                    param
                                            + " '"
                                            + prefixId
                                            + "' is not known, and did not become known in "
                                            + config.prefixWait().toSeconds()
                                            + " s"),
                            headers,
                            now);
            case FOREIGN ->
                    end(
                            job,
                            Ending.failed(
                                    "shared_prefix_not_found",
                                    param,
                                    param
                                            + " '"
                                            + prefixId
                                            + "' is not a prefix of tenant '"
                                            + job.getTenant()
                                            + "'"),
                            headers,
                            now);
            case UNREADABLE ->
                    end(
                            job,
                            Ending.failed(
                                    "shared_prefix_unreadable",
                                    param,
                                    param
                                            + " '"
                                            + prefixId
                                            + "' names a record that is not a readable"
                                            + " SharedPrefix"),
                            headers,
                            now);
        }
    }

    private void route(PromptJob job, int sharedMessages, Headers headers, Instant now) {
        if (reuse(job, headers, now)) {
            return;
        }
        long fingerprint = PromptFingerprint.of(job, sharedMessages);
        job.setPrefixFingerprint(fingerprint);
        String topic = Topics.ready(config.poolOf(job.getModel()));
        byte[] value = outlets.serialize(topic, job);
        if (value.length > config.recordBytesMax()) {
            String message =
                    "the job has "
                            + value.length
                            + " bytes with its shared prefix; topic "
                            + topic
                            + " takes "
                            + config.recordBytesMax();
            end(job, Ending.failed("request_too_large", null, message), headers, now);
            return;
        }
        JobHeaders.describe(job, headers);
        outlets.ready(
                topic,
                hotPrefixes.keyOf(fingerprint, job.getJobId(), now.toEpochMilli()),
                value,
                headers,
                now);
        if (gate != null) {
            gate.routed(job);
        }
        if (equalAnswers != null) {
            equalAnswers.routed(job);
        }
        tallies.admitted(job, now.toEpochMilli());
        metrics.count(Outcome.ADMITTED);
    }

    /** Answers the job with what an equal one got; false when it must be computed. */
    private boolean reuse(PromptJob job, Headers headers, Instant now) {
        Completion answer = equalAnswers == null ? null : equalAnswers.find(job, now);
        if (answer == null || !outlets.completionAgain(answer, headers, now)) {
            return false;
        }
        tallies.admitted(job, now.toEpochMilli());
        metrics.count(Outcome.REUSED);
        return true;
    }

    private void end(PromptJob job, Ending ending, Headers headers, Instant now) {
        outlets.completion(ending.completionOf(job, now), headers, now);
        tallies.admitted(job, now.toEpochMilli());
        metrics.count(
                switch (ending.status()) {
                    case EXPIRED -> Outcome.EXPIRED;
                    case CANCELLED -> Outcome.CANCELLED;
                    case COMPLETED, FAILED -> Outcome.FAILED;
                });
    }

    private void setAside(Record<byte[], byte[]> record, String code, String reason, Instant now) {
        outlets.deadLetter(record, code, reason, now);
        metrics.count(Outcome.DEAD_LETTER);
    }

    @Override
    public void close() {
        jobs.close();
        prefixReader.close();
        commands.close();
        completions.close();
        serializer.close();
    }
}
