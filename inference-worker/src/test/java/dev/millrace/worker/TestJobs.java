package dev.millrace.worker;

import dev.millrace.engine.api.Engine;
import dev.millrace.engine.api.LoadedModel;
import dev.millrace.engine.model.GenerationDefaults;
import dev.millrace.engine.tokenizer.PromptEncoder;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.ControlKind;
import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.HandOver;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;
import dev.millrace.schemas.UsageEvent;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;

import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Jobs, a model and a serde that need neither a tokenizer nor a registry. */
final class TestJobs {
    static final String MODEL = "test-model";
    static final int MAX_MODEL_LEN = 100;
    static final String POISON = "poison";

    /** Simulated engines break over jobs whose ids begin so. */
    static final String BREAKS = "breaks";

    /** A job's bytes are its id; what begins with {@link #POISON} cannot be read. */
    static final Deserializer<Object> DESERIALIZER =
            (topic, bytes) -> {
                String id = new String(bytes, StandardCharsets.UTF_8);
                if (topic.startsWith("hand-over.")) {
                    return handOver(id.split(" "));
                }
                if (id.startsWith(POISON)) {
                    throw new SerializationException("unreadable: " + id);
                }
                return job(id);
            };

    /**
     * An order's bytes are its words: kind, "batch" or "job", id, and for a priority or a deadline
     * (ms) the number.
     */
    static final Deserializer<ControlCommand> CONTROLS =
            (topic, bytes) -> {
                String[] words = new String(bytes, StandardCharsets.UTF_8).split(" ");
                ControlCommand command = new ControlCommand();
                command.setKind(ControlKind.valueOf(words[0]));
                if (words[1].equals("batch")) {
                    command.setBatchId(words[2]);
                } else {
                    command.setJobId(words[2]);
                }
                if (command.getKind() == ControlKind.SET_PRIORITY) {
                    command.setPriority(Integer.parseInt(words[3]));
                } else if (command.getKind() == ControlKind.SET_DEADLINE) {
                    command.setDeadline(Instant.ofEpochMilli(Long.parseLong(words[3])));
                }
                return command;
            };

    /** A completion's bytes are its job's id and status, a dead letter's are the letter's own. */
    static final Serializer<Object> SERIALIZER =
            (topic, value) ->
                    switch (value) {
                        case Completion completion ->
                                (completion.getJobId() + " " + completion.getStatus())
                                        .getBytes(StandardCharsets.UTF_8);
                        case DeadLetter letter ->
                                letter.getValue() == null ? new byte[0] : letter.getValue().array();
                        case HandOver handOver ->
                                (handOver.getJobId()
                                                + " "
                                                + handOver.getModelFingerprint()
                                                + " "
                                                + handOver.getChoices().stream()
                                                        .flatMap(List::stream)
                                                        .map(String::valueOf)
                                                        .collect(Collectors.joining(","))
                                                + " "
                                                + handOver.getFailures())
                                        .getBytes(StandardCharsets.UTF_8);
                        case UsageEvent usage -> usage.getJobId().getBytes(StandardCharsets.UTF_8);
                        default -> new byte[] {1};
                    };

    private TestJobs() {}

    /** A hand-over's bytes are job id, fingerprint, the only choice's tokens, failures. */
    private static HandOver handOver(String[] words) {
        List<Integer> tokens =
                Arrays.stream(words[2].split(","))
                        .filter(token -> !token.isEmpty())
                        .map(Integer::valueOf)
                        .toList();
        int failures = Integer.parseInt(words[3]);
        return new HandOver(
                words[0], words[1], List.of(tokens), "somebody", Instant.EPOCH, failures);
    }

    /** Batch and tenant may stand in the id: {@code name@batch@tenant}. */
    static PromptJob job(String id) {
        String[] parts = id.split("@");
        PromptJob job = new PromptJob();
        job.setJobId(id);
        job.setCustomId("custom-" + id);
        job.setBatchId(parts.length > 1 ? parts[1] : "batch");
        job.setSubmissionId("");
        job.setTenant(parts.length > 2 ? parts[2] : "tenant");
        job.setModel(MODEL);
        job.setEndpoint(Endpoint.COMPLETIONS);
        job.setMessages(List.of());
        job.setPrompt("prompt of " + id);
        job.setSampling(sampling());
        job.setMetadata(Map.of("k", "v"));
        job.setCreatedAt(Instant.ofEpochMilli(1));
        return job;
    }

    static SamplingParams sampling() {
        SamplingParams sampling = new SamplingParams();
        sampling.setStop(List.of());
        sampling.setStopTokenIds(List.of());
        sampling.setN(1);
        sampling.setSkipSpecialTokens(true);
        return sampling;
    }

    /** A worker's context whose metrics nobody reads. */
    static WorkerContext context(WorkerConfig config, InstantSource clock) {
        return new WorkerContext(
                config,
                WorkerLimits.of(config),
                clock,
                new WorkerMetrics(new SimpleMeterRegistry(), config));
    }

    static LoadedModel model(Engine engine) {
        return model(engine, new GenerationDefaults(null, null, null, null, null, new int[] {2}));
    }

    static LoadedModel model(Engine engine, GenerationDefaults defaults) {
        return new LoadedModel(
                MODEL, "fingerprint", engine, new CharEncoder(), defaults, MAX_MODEL_LEN);
    }

    /** One token per character; a conversation is its contents, one line each. */
    static final class CharEncoder implements PromptEncoder {
        List<Map<String, Object>> lastMessages;
        List<Object> lastTools;
        Map<String, Object> lastVariables;

        @Override
        public EncodedPrompt chat(
                List<Map<String, Object>> messages,
                List<Object> tools,
                Map<String, Object> variables) {
            lastMessages = messages;
            lastTools = tools;
            lastVariables = variables;
            StringBuilder text = new StringBuilder();
            messages.forEach(message -> text.append(message.get("content")).append('\n'));
            return text(text.toString());
        }

        @Override
        public EncodedPrompt text(String prompt) {
            return new EncodedPrompt(prompt, prompt.chars().toArray());
        }

        @Override
        public EncodedPrompt tokens(int[] tokenIds) {
            return new EncodedPrompt(new String(tokenIds, 0, tokenIds.length), tokenIds);
        }
    }
}
