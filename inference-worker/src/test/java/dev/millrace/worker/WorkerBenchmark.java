package dev.millrace.worker;

import dev.millrace.engine.api.LoadedModel;
import dev.millrace.engine.model.GenerationDefaults;
import dev.millrace.engine.tokenizer.PromptEncoder;
import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.serde.AvroSerializer;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Jobs per second through one worker with transactions and a no-op engine, against a real broker:
 * {@code WorkerBenchmark <bootstrap> <registry url> [jobs] [partitions] [client property=value
 * ...]}. Jobs are chat requests with a system prompt of 600 characters. The clock runs from the
 * first commit to the last, so joining the group is not in it.
 */
public final class WorkerBenchmark {
    private static final String SYSTEM =
            "You are a careful assistant. Answer in one short sentence. ".repeat(10);
    private static final String MODEL = "no-op";

    private WorkerBenchmark() {}

    public static void main(String[] args) throws Exception {
        if (args.length < 2) {
            throw new IllegalArgumentException(
                    "usage: WorkerBenchmark <bootstrap> <registry url> [jobs] [partitions]"
                        + " [property=value ...]");
        }
        int numJobs = args.length > 2 ? Integer.parseInt(args[2]) : 400_000;
        int partitions = args.length > 3 ? Integer.parseInt(args[3]) : 8;
        String pool = "bench-" + System.nanoTime();
        Map<String, Object> properties =
                new HashMap<>(Map.of("bootstrap.servers", args[0], "schema.registry.url", args[1]));
        for (int i = 4; i < args.length; i++) {
            properties.put(
                    args[i].substring(0, args[i].indexOf('=')),
                    args[i].substring(args[i].indexOf('=') + 1));
        }
        createTopics(properties, pool, partitions);
        publish(properties, pool, numJobs);
        System.out.println(run(properties, pool, numJobs));
    }

    private static String run(Map<String, Object> properties, String pool, int numJobs)
            throws InterruptedException {
        SimpleMeterRegistry meters = new SimpleMeterRegistry();
        LoadedModel model =
                new LoadedModel(
                        MODEL,
                        "none",
                        new NoOpEngine(),
                        new FixedEncoder(),
                        new GenerationDefaults(null, null, null, null, null, new int[] {2}),
                        4096);
        WorkerConfig config =
                WorkerConfig.defaults("bench", pool, "no-op", properties).withGroupInstanceId(null);
        try (WorkerApp worker = new WorkerApp(config, () -> model, meters)) {
            worker.start();
            double first = awaitCommitted(worker, meters, 1);
            long startNanos = System.nanoTime();
            awaitCommitted(worker, meters, numJobs);
            double seconds = (System.nanoTime() - startNanos) / 1e9;
            worker.drain();
            worker.awaitTermination(Duration.ofSeconds(30));
            var commits = meters.get("millrace.worker.commit").timer();
            return String.format(
                    Locale.ROOT,
                    "%.0f jobs/s (%d jobs in %.2f s), %d transactions of %.1f ms, %.0f%% of the"
                        + " time in them",
                    (numJobs - first) / seconds,
                    numJobs,
                    seconds,
                    commits.count(),
                    commits.mean(TimeUnit.MILLISECONDS),
                    100 * commits.totalTime(TimeUnit.SECONDS) / seconds);
        }
    }

    private static double awaitCommitted(
            WorkerApp worker, SimpleMeterRegistry meters, long atLeast) {
        while (true) {
            if (worker.failure().isPresent()) {
                throw new IllegalStateException("the worker failed", worker.failure().get());
            }
            var counter = meters.find("millrace.worker.committed.jobs").counter();
            if (counter != null && counter.count() >= atLeast) {
                return counter.count();
            }
            LockSupport.parkNanos(1_000_000);
        }
    }

    private static void createTopics(Map<String, Object> properties, String pool, int partitions)
            throws Exception {
        try (Admin admin = Admin.create(properties)) {
            var existing = admin.listTopics().names().get();
            admin.createTopics(
                            Topics.all(pool, partitions).stream()
                                    .filter(spec -> !existing.contains(spec.name()))
                                    .map(
                                            spec ->
                                                    new NewTopic(
                                                            spec.name(),
                                                            spec.partitions(),
                                                            (short) 1))
                                    .toList())
                    .all()
                    .get();
        }
    }

    private static void publish(Map<String, Object> properties, String pool, int numJobs) {
        Map<String, Object> producerProperties = new HashMap<>(properties);
        producerProperties.put("linger.ms", 20);
        producerProperties.put("batch.size", 256 << 10);
        producerProperties.put("compression.type", "lz4");
        try (var serializer = new AvroSerializer<PromptJob>();
                var producer =
                        new KafkaProducer<>(
                                producerProperties,
                                new ByteArraySerializer(),
                                new ByteArraySerializer())) {
            serializer.configure(properties, false);
            PromptJob job = TestJobs.job("0");
            job.setModel(MODEL);
            job.setEndpoint(Endpoint.CHAT_COMPLETIONS);
            job.setPrompt(null);
            job.setPrefixFingerprint(1L);
            for (int i = 0; i < numJobs; i++) {
                job.setJobId(pool + "/" + i);
                job.setCustomId("request-" + i);
                job.setMessages(
                        List.of(
                                new ChatMessage("system", SYSTEM, null),
                                new ChatMessage("user", "Question number " + i + "?", null)));
                byte[] key = Long.toHexString(i % 64).getBytes(StandardCharsets.UTF_8);
                producer.send(
                        new ProducerRecord<>(
                                Topics.ready(pool),
                                key,
                                serializer.serialize(Topics.ready(pool), job)));
            }
        }
    }

    /**
     * A prompt of 200 tokens, whatever is asked: tokenizing is the engine's cost, not the
     * pipeline's.
     */
    private static final class FixedEncoder implements PromptEncoder {
        private static final EncodedPrompt PROMPT = new EncodedPrompt("", new int[200]);

        @Override
        public EncodedPrompt chat(
                List<Map<String, Object>> messages,
                List<Object> tools,
                Map<String, Object> variables) {
            return PROMPT;
        }

        @Override
        public EncodedPrompt text(String prompt) {
            return PROMPT;
        }

        @Override
        public EncodedPrompt tokens(int[] tokenIds) {
            return PROMPT;
        }
    }
}
