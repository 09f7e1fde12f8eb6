package dev.millrace.ingest.submit;

import dev.millrace.ingest.JobHeaders;
import dev.millrace.ingest.openai.BatchLineParser;
import dev.millrace.ingest.openai.JobDefaults;
import dev.millrace.schemas.BatchEvent;
import dev.millrace.schemas.BatchEventKind;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.serde.AvroSerializer;

import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.StringSerializer;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;

/**
 * Publishes a file of OpenAI Batch lines as jobs, between an OPENED and a SEALED event of its
 * batch. Memory stays flat however long the file is: one line is held, and a bounded number of jobs
 * is in flight. A line that cannot be understood is published as a rejected job, so that the
 * batch's counts add up. One submitter runs one submission at a time, on the caller's thread.
 */
public final class JobSubmitter implements AutoCloseable {
    private static final int PROGRESS_LINES = 1000;
    private static final int REQUEST_OVERHEAD_BYTES = 1 << 20;
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(30);

    private final SubmitConfig config;
    private final InstantSource clock;
    private final Producer<String, SpecificRecord> producer;
    private final BatchLineParser parser;
    private boolean stopped;

    /** Opens a producer; nothing is sent before {@link #submit}. */
    public JobSubmitter(SubmitConfig config, InstantSource clock) {
        this(config, clock, producer(config));
    }

    JobSubmitter(
            SubmitConfig config, InstantSource clock, Producer<String, SpecificRecord> producer) {
        this.config = config;
        this.clock = clock;
        this.producer = producer;
        this.parser = new BatchLineParser(config.lineBytesMax());
    }

    /** One run over one input. */
    private final class Run {
        final String file;
        final SubmitListener listener;
        final LineReader reader;
        final JobDefaults defaults;
        final InFlight inFlight = new InFlight(config.inFlightMax());
        final List<RejectedLine> listed = new ArrayList<>();
        long lines;
        long rejected;

        Run(InputStream in, String file, SubmitListener listener, Instant now) {
            this.file = file;
            this.listener = listener;
            this.reader = new LineReader(in, config.lineBytesMax());
            this.defaults =
                    new JobDefaults(config.batchId(), config.submissionId(), config.tenant(), now);
        }
    }

    /**
     * Publishes every line and returns when all are acknowledged.
     *
     * @param in read to its end, not closed
     * @param file the input's name, for messages
     * @throws SubmitException when Kafka, the registry or the input fails; what was sent stays, and
     *     sending it again is safe
     */
    public SubmitReport submit(InputStream in, String file, SubmitListener listener)
            throws InterruptedException {
        Instant start = clock.instant();
        Run run = new Run(in, file, listener, start);
        try {
            sendEvent(BatchEventKind.OPENED, 0);
            for (LineReader.Line line = run.reader.next(); line != null; line = run.reader.next()) {
                publish(line, run);
                publishTooLarge(run);
                checkFailure(run);
            }
            settle(run);
            sendEvent(BatchEventKind.SEALED, run.lines);
        } catch (IOException e) {
            throw stopped(run, "cannot read on: " + e.getMessage(), e);
        } catch (ExecutionException e) {
            throw stopped(run, rootMessage(e), e.getCause());
        } catch (KafkaException e) {
            throw stopped(run, rootMessage(e), e);
        }
        run.listener.progress(run.lines, run.inFlight.acknowledged(), run.reader.bytesRead());
        return new SubmitReport(
                config.batchId(),
                config.submissionId(),
                run.lines,
                run.inFlight.acknowledged(),
                run.rejected,
                run.listed,
                run.reader.bytesRead(),
                Duration.between(start, clock.instant()));
    }

    private void publish(LineReader.Line line, Run run) throws InterruptedException {
        if (line.text() != null && line.text().isBlank()) {
            return;
        }
        PromptJob job =
                line.text() != null
                        ? parser.parse(line.text(), line.number(), run.defaults)
                        : parser.reject(
                                line.number(), run.defaults, "invalid_json_line", line.problem());
        BatchRules.requireEndpoint(job, config.endpoint(), line.number());
        job.setDeadline(config.deadline());
        run.lines++;
        if (job.getRejection() != null) {
            noteRejected(line.number(), job.getRejection().getMessage(), run);
        }
        send(job, line.number(), run);
        if (run.lines % PROGRESS_LINES == 0) {
            run.listener.progress(run.lines, run.inFlight.acknowledged(), run.reader.bytesRead());
        }
    }

    private void send(PromptJob job, long line, Run run) throws InterruptedException {
        var callback =
                run.inFlight.enter(new InFlight.Sent(line, job.getCustomId(), job.getModel()));
        ProducerRecord<String, SpecificRecord> record =
                new ProducerRecord<>(Topics.PROMPTS, job.getJobId(), job);
        JobHeaders.describe(job, record.headers());
        JobHeaders.trace(job, record.headers());
        producer.send(record, callback);
    }

    /** What the topic refused for its size goes out again as a rejected job, which is small. */
    private void publishTooLarge(Run run) throws InterruptedException {
        for (InFlight.Sent sent = run.inFlight.nextTooLarge();
                sent != null;
                sent = run.inFlight.nextTooLarge()) {
            String reason =
                    "the job is larger than topic "
                            + Topics.PROMPTS
                            + " takes (its max.message.bytes)";
            PromptJob job = parser.reject(sent.line(), run.defaults, "request_too_large", reason);
            job.setCustomId(sent.customId());
            job.setJobId(run.defaults.jobId(sent.customId()));
            job.setModel(sent.model());
            noteRejected(sent.line(), job.getRejection().getMessage(), run);
            send(job, sent.line(), run);
        }
    }

    /** Waits for every acknowledgement, and for those of what had to be sent in another form. */
    private void settle(Run run) throws InterruptedException {
        long before;
        do {
            before = run.rejected;
            producer.flush();
            run.inFlight.awaitNone();
            publishTooLarge(run);
        } while (run.rejected != before);
        checkFailure(run);
    }

    private void noteRejected(long line, String message, Run run) {
        run.rejected++;
        String reason = message.replaceFirst("^line \\d+[:,] ", "");
        RejectedLine rejected = new RejectedLine(run.file, line, reason);
        if (run.listed.size() < config.listedRejectionsMax()) {
            run.listed.add(rejected);
        }
        run.listener.rejected(rejected);
    }

    private void checkFailure(Run run) {
        Exception failure = run.inFlight.failure();
        if (failure != null) {
            throw stopped(run, rootMessage(failure), failure);
        }
    }

    private void sendEvent(BatchEventKind kind, long lines)
            throws InterruptedException, ExecutionException {
        BatchEvent event =
                BatchEvent.newBuilder()
                        .setBatchId(config.batchId())
                        .setKind(kind)
                        .setSubmissionId(config.submissionId())
                        .setTenant(config.tenant())
                        .setLines(lines)
                        .setMetadata(kind == BatchEventKind.OPENED ? config.metadata() : Map.of())
                        .setAt(clock.instant())
                        .build();
        var sent =
                producer.send(new ProducerRecord<>(Topics.BATCH_EVENTS, config.batchId(), event));
        producer.flush();
        sent.get();
    }

    private SubmitException stopped(Run run, String reason, Throwable cause) {
        stopped = true;
        String message =
                "%s:%d: submission stopped: %s. %d jobs of batch %s are published. Submit the file"
                    + " again with the same batch id: what is there already is dropped as a"
                    + " duplicate, nothing runs twice";
        return new SubmitException(
                message.formatted(
                        run.file,
                        run.reader.number(),
                        reason,
                        run.inFlight.acknowledged(),
                        config.batchId()),
                cause);
    }

    private static String rootMessage(Throwable error) {
        Throwable root = error;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
    }

    private static Producer<String, SpecificRecord> producer(SubmitConfig config) {
        Map<String, Object> properties = new HashMap<>();
        properties.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "lz4");
        properties.put(ProducerConfig.LINGER_MS_CONFIG, 20);
        properties.put(ProducerConfig.BATCH_SIZE_CONFIG, 128 << 10);
        properties.put(ProducerConfig.BUFFER_MEMORY_CONFIG, 128L << 20);
        properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 30_000);
        properties.put(
                ProducerConfig.MAX_REQUEST_SIZE_CONFIG,
                config.lineBytesMax() + REQUEST_OVERHEAD_BYTES);
        properties.putAll(config.clientProperties());
        properties.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        properties.put(ProducerConfig.ACKS_CONFIG, "all");
        AvroSerializer<SpecificRecord> values = new AvroSerializer<>();
        values.configure(properties, false);
        return new KafkaProducer<>(properties, new StringSerializer(), values);
    }

    /**
     * Closes the producer. What a stopped submission left unsent is dropped at once: Kafka may be
     * what failed.
     */
    @Override
    public void close() {
        producer.close(stopped ? Duration.ZERO : CLOSE_TIMEOUT);
    }
}
