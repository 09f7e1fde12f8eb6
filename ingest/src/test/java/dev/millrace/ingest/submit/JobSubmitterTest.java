package dev.millrace.ingest.submit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.BatchEvent;
import dev.millrace.schemas.BatchEventKind;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.serde.AvroSerializer;

import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

class JobSubmitterTest {
    private static final String LINE =
            "{\"custom_id\":\"%s\",\"method\":\"POST\",\"url\":\"/v1/completions\","
                    + "\"body\":{\"model\":\"m\",\"prompt\":\"x\"%s}}";
    private static final SubmitConfig CONFIG =
            SubmitConfig.defaults(Map.of("schema.registry.url", "mock://submit"), "b", "s1")
                    .withTenant("acme")
                    .withMetadata(Map.of("k", "v"));

    private final List<ProducerRecord<String, SpecificRecord>> sent = new ArrayList<>();
    private final List<RejectedLine> heard = new ArrayList<>();
    private final SubmitListener listener =
            new SubmitListener() {
                @Override
                public void rejected(RejectedLine line) {
                    heard.add(line);
                }
            };

    /**
     * Acknowledges at once and keeps what was sent; jobs whose id is in a failing set fail with its
     * error.
     */
    private MockProducer<String, SpecificRecord> producer(Map<String, RuntimeException> failures) {
        return new MockProducer<>(true, null, new StringSerializer(), serializer()) {
            @Override
            public synchronized Future<RecordMetadata> send(
                    ProducerRecord<String, SpecificRecord> record, Callback callback) {
                boolean rejected =
                        record.value() instanceof PromptJob job && job.getRejection() != null;
                RuntimeException failure = rejected ? null : failures.get(record.key());
                if (failure != null) {
                    callback.onCompletion(null, failure);
                    return CompletableFuture.failedFuture(failure);
                }
                sent.add(record);
                return super.send(record, callback);
            }
        };
    }

    @Test
    void linesBecomeJobsBetweenOpenedAndSealed() throws Exception {
        SubmitReport report =
                submit(
                        CONFIG,
                        LINE.formatted("1", "") + "\r\n\n  \n" + LINE.formatted("2", "") + "\n",
                        Map.of());
        assertEquals(4, sent.size());
        BatchEvent opened = (BatchEvent) sent.getFirst().value();
        assertEquals(Topics.BATCH_EVENTS, sent.getFirst().topic());
        assertEquals(BatchEventKind.OPENED, opened.getKind());
        assertEquals(Map.of("k", "v"), opened.getMetadata());
        assertEquals("acme", opened.getTenant());
        BatchEvent sealed = (BatchEvent) sent.getLast().value();
        assertEquals(BatchEventKind.SEALED, sealed.getKind());
        assertEquals(2, sealed.getLines());
        assertEquals("s1", sealed.getSubmissionId());
        PromptJob job = assertInstanceOf(PromptJob.class, sent.get(1).value());
        assertEquals("b/1", sent.get(1).key());
        assertEquals(Topics.PROMPTS, sent.get(1).topic());
        assertEquals("b/1", job.getJobId());
        assertEquals("s1", job.getSubmissionId());
        assertEquals("acme", job.getTenant());
        assertEquals(2, report.lines());
        assertEquals(2, report.published());
        assertEquals(0, report.rejected());
    }

    @Test
    void brokenLinesArePublishedAsRejectedJobsAndNamed() throws Exception {
        byte[] notUtf8 = {'"', (byte) 0xC3, '"', '\n'};
        String first =
                "\uFEFF"
                        + LINE.formatted("1", "")
                        + "\nnonsense\n"
                        + LINE.formatted("3", ",\"n\":0")
                        + "\n";
        byte[] input =
                concat(
                        first.getBytes(StandardCharsets.UTF_8),
                        notUtf8,
                        LINE.formatted("5", "").getBytes(StandardCharsets.UTF_8));
        SubmitReport report = submit(CONFIG.withBounds(1 << 20, 10, 2), input, Map.of());
        assertEquals(5, report.lines());
        assertEquals(5, report.published());
        assertEquals(3, report.rejected());
        assertEquals(2, report.rejectedLines().size(), "the list is bounded");
        assertEquals(3, heard.size());
        assertTrue(
                heard.get(0).toString().startsWith("f.jsonl:2: column 9: not JSON"),
                heard.get(0)::toString);
        assertEquals("f.jsonl:3: body.n must be in [1, 128], not 0", heard.get(1).toString());
        assertEquals("f.jsonl:4: the line is not UTF-8 (byte 2)", heard.get(2).toString());
        assertEquals(List.of("b/1", "b/line-2", "b/3", "b/line-4", "b/5"), jobIds());
        assertEquals(5, ((BatchEvent) sent.getLast().value()).getLines());
    }

    @Test
    void lineBeyondTheBoundIsRejectedAndTheNextIsRead() throws Exception {
        String first = LINE.formatted("1", "");
        submit(
                CONFIG.withBounds(first.length(), 10, 10),
                first + "\n" + "x".repeat(1_000_000) + "\n" + first,
                Map.of());
        assertEquals(List.of("b/1", "b/line-2", "b/1"), jobIds());
        assertEquals(
                "the line has 1000000 bytes; the limit is " + first.length(),
                heard.getFirst().reason());
    }

    @Test
    void jobThatTheTopicRefusesForItsSizeIsPublishedAsRejected() throws Exception {
        Map<String, RuntimeException> failures = Map.of("b/2", new RecordTooLargeException("big"));
        SubmitReport report =
                submit(CONFIG, LINE.formatted("1", "") + "\n" + LINE.formatted("2", ""), failures);
        assertEquals(List.of("b/1", "b/2"), jobIds());
        PromptJob rejected = (PromptJob) sent.get(2).value();
        assertEquals("request_too_large", rejected.getRejection().getCode());
        assertEquals("2", rejected.getCustomId());
        assertEquals(2, report.published());
        assertEquals(1, report.rejected());
        assertEquals(
                "f.jsonl:2: the job is larger than topic prompts takes (its max.message.bytes)",
                heard.getFirst().toString());
    }

    @Test
    void failingSendStopsSaysWhereAndDoesNotSeal() {
        String input =
                LINE.formatted("1", "")
                        + "\n"
                        + LINE.formatted("2", "")
                        + "\n"
                        + LINE.formatted("3", "");
        Map<String, RuntimeException> failures = Map.of("b/2", new TimeoutException("no broker"));
        SubmitException stopped =
                assertThrows(SubmitException.class, () -> submit(CONFIG, input, failures));
        String where = "f.jsonl:2: submission stopped: no broker. 1 jobs of batch b are published.";
        assertTrue(stopped.getMessage().startsWith(where), stopped::getMessage);
        assertTrue(stopped.getMessage().contains("same batch id"), stopped::getMessage);
        assertEquals(List.of("b/1"), jobIds());
        assertEquals(
                1,
                sent.stream().filter(record -> record.value() instanceof BatchEvent).count(),
                "OPENED alone");
    }

    @Test
    void inputThatBreaksOffStopsAndDoesNotSeal() throws Exception {
        InputStream broken =
                new InputStream() {
                    @Override
                    public int read() throws IOException {
                        throw new IOException("disk gone");
                    }
                };
        try (JobSubmitter submitter =
                new JobSubmitter(CONFIG, () -> Instant.EPOCH, producer(Map.of()))) {
            String message =
                    assertThrows(
                                    SubmitException.class,
                                    () -> submitter.submit(broken, "f", listener))
                            .getMessage();
            assertTrue(message.contains("disk gone"), message);
        }
        assertEquals(1, sent.size(), "OPENED alone");
    }

    @Test
    void aMillionLinesWithABoundedNumberInFlight() throws Exception {
        int lines = 1_000_000;
        int inFlightMax = 10_000;
        WaitedForProducer producer = new WaitedForProducer(inFlightMax);
        SubmitReport report;
        try (JobSubmitter submitter =
                new JobSubmitter(
                        CONFIG.withBounds(1 << 20, inFlightMax, 10),
                        () -> Instant.EPOCH,
                        producer)) {
            report = submitter.submit(new GeneratedLines(lines), "generated", SubmitListener.NONE);
        }
        assertEquals(lines, report.lines());
        assertEquals(lines, report.published());
        assertEquals(lines, producer.sealedLines);
        assertEquals(0, report.rejected());
        assertEquals(
                inFlightMax,
                producer.mostInFlight,
                "without its bound the submitter would have gone on to the last line");
    }

    @Test
    void batchIdsNameTheFileAndAreValid() {
        UUID unique = UUID.fromString("1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed");
        Instant now = Instant.parse("2026-01-31T09:30:00Z");
        assertEquals(
                "prompts-20260131T093000Z-1b9d6bcd", BatchIds.of("prompts.jsonl", now, unique));
        assertTrue(BatchIds.isValid(BatchIds.of("a b/ö".repeat(100), now, unique)));
        assertEquals("batch-20260131T093000Z-1b9d6bcd", BatchIds.of("-", now, unique));
        assertThrows(
                IllegalArgumentException.class, () -> SubmitConfig.defaults(Map.of(), "a/b", "s"));
    }

    private SubmitReport submit(
            SubmitConfig config, String input, Map<String, RuntimeException> failures)
            throws Exception {
        return submit(config, input.getBytes(StandardCharsets.UTF_8), failures);
    }

    private SubmitReport submit(
            SubmitConfig config, byte[] input, Map<String, RuntimeException> failures)
            throws Exception {
        try (JobSubmitter submitter =
                new JobSubmitter(config, () -> Instant.EPOCH, producer(failures))) {
            return submitter.submit(new ByteArrayInputStream(input), "f.jsonl", listener);
        }
    }

    private List<String> jobIds() {
        return sent.stream()
                .filter(record -> record.value() instanceof PromptJob)
                .map(ProducerRecord::key)
                .toList();
    }

    private static byte[] concat(byte[]... parts) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.write(part);
        }
        return out.toByteArray();
    }

    private static AvroSerializer<SpecificRecord> serializer() {
        AvroSerializer<SpecificRecord> serializer = new AvroSerializer<>();
        serializer.configure(CONFIG.clientProperties(), false);
        return serializer;
    }

    /**
     * Acknowledges nothing before the submitter's thread stands still, waiting for a free place or
     * flushing.
     */
    private static final class WaitedForProducer extends MockProducer<String, SpecificRecord> {
        private final Queue<Callback> waiting = new ConcurrentLinkedQueue<>();
        private final AtomicInteger inFlight = new AtomicInteger();
        private final Thread submitter = Thread.currentThread();
        private final Thread acknowledger = new Thread(this::acknowledgeWhileTheSubmitterWaits);
        private final int inFlightMax;
        int mostInFlight;
        long sealedLines;

        WaitedForProducer(int inFlightMax) {
            this.inFlightMax = inFlightMax;
            acknowledger.setDaemon(true);
            acknowledger.start();
        }

        @Override
        public Future<RecordMetadata> send(
                ProducerRecord<String, SpecificRecord> record, Callback callback) {
            if (record.value() instanceof BatchEvent event) {
                sealedLines = event.getLines();
                return CompletableFuture.completedFuture(null);
            }
            waiting.add(callback);
            mostInFlight = Math.max(mostInFlight, inFlight.incrementAndGet());
            return null;
        }

        private void acknowledgeWhileTheSubmitterWaits() {
            while (!Thread.currentThread().isInterrupted()) {
                if (inFlight.get() >= inFlightMax && submitter.getState() == Thread.State.WAITING) {
                    acknowledgeAll();
                } else {
                    Thread.onSpinWait();
                }
            }
        }

        private void acknowledgeAll() {
            RecordMetadata metadata =
                    new RecordMetadata(new TopicPartition(Topics.PROMPTS, 0), 0, 0, 0, 0, 0);
            for (Callback next = waiting.poll(); next != null; next = waiting.poll()) {
                inFlight.decrementAndGet();
                next.onCompletion(metadata, null);
            }
        }

        @Override
        public synchronized void flush() {
            acknowledgeAll();
        }

        @Override
        public void close(Duration timeout) {
            acknowledger.interrupt();
        }
    }

    /** Lines made as they are read. */
    private static final class GeneratedLines extends InputStream {
        private final int lines;
        private int made;
        private byte[] line = new byte[0];
        private int position;

        GeneratedLines(int lines) {
            this.lines = lines;
        }

        @Override
        public int read() {
            throw new UnsupportedOperationException("read in chunks");
        }

        @Override
        public int read(byte[] into, int offset, int length) {
            if (position == line.length) {
                if (made == lines) {
                    return -1;
                }
                line =
                        (LINE.formatted("job-" + made++, "") + "\n")
                                .getBytes(StandardCharsets.UTF_8);
                position = 0;
            }
            int count = Math.min(length, line.length - position);
            System.arraycopy(line, position, into, offset, count);
            position += count;
            return count;
        }
    }
}
