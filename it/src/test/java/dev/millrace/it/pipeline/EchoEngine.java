package dev.millrace.it.pipeline;

import dev.millrace.engine.api.DeviceTimes;
import dev.millrace.engine.api.DraftCounts;
import dev.millrace.engine.api.Engine;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.EngineStats;
import dev.millrace.engine.api.FinishReason;
import dev.millrace.engine.api.LoadedModel;
import dev.millrace.engine.model.GenerationDefaults;
import dev.millrace.engine.tokenizer.PromptEncoder;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Answers each prompt with itself, out of order: every step finishes a seeded choice of the
 * requests inside. Stands in for a model where the pipeline around it is what is tested.
 */
public final class EchoEngine implements Engine {
    public static final String MODEL = "echo";

    private final int finishedPerStepMax;
    private final Random random;
    private final BooleanSupplier mayAnswer;
    private final List<EngineRequest> inside = new ArrayList<>();
    private long finished;

    EchoEngine(long seed, int finishedPerStepMax, BooleanSupplier mayAnswer) {
        this.random = new Random(seed);
        this.finishedPerStepMax = finishedPerStepMax;
        this.mayAnswer = mayAnswer;
    }

    /**
     * The engine with an encoder that gives each byte of the last message's content a token.
     *
     * @param onPrompt told every content that is prepared for the engine
     */
    public static LoadedModel model(long seed, int finishedPerStepMax, Consumer<String> onPrompt) {
        return model(new EchoEngine(seed, finishedPerStepMax, () -> true), onPrompt);
    }

    /** As above; {@code mayAnswer} is asked before each answer and may hold it back. */
    static LoadedModel heldBack(long seed, int finishedPerStepMax, BooleanSupplier mayAnswer) {
        return model(new EchoEngine(seed, finishedPerStepMax, mayAnswer), content -> {});
    }

    private static LoadedModel model(EchoEngine engine, Consumer<String> onPrompt) {
        return new LoadedModel(
                MODEL,
                "none",
                engine,
                new ByteEncoder(onPrompt),
                new GenerationDefaults(null, null, null, null, null, new int[] {0}),
                1 << 20);
    }

    @Override
    public void submit(EngineRequest request) {
        inside.add(request);
    }

    @Override
    public boolean abort(long requestId) {
        return inside.removeIf(request -> request.requestId() == requestId);
    }

    @Override
    public boolean hasWork() {
        return !inside.isEmpty();
    }

    @Override
    public List<EngineResult> step() {
        List<EngineResult> results = new ArrayList<>();
        int count = Math.min(inside.size(), random.nextInt(finishedPerStepMax + 1));
        for (int i = 0; i < count && mayAnswer.getAsBoolean(); i++) {
            results.add(answer(inside.remove(random.nextInt(inside.size()))));
        }
        finished += results.size();
        return results;
    }

    @Override
    public EngineStats stats() {
        return new EngineStats(
                inside.size(), 0, 0, 1, 0, 0, 0, 0, finished, finished, 0, 0, 0, DeviceTimes.NONE,
                DraftCounts.NONE);
    }

    @Override
    public void close() {
        inside.clear();
    }

    private static EngineResult answer(EngineRequest request) {
        int[] ids = request.promptTokenIds();
        byte[] bytes = new byte[ids.length];
        for (int i = 0; i < ids.length; i++) {
            bytes[i] = (byte) ids[i];
        }
        String text = new String(bytes, StandardCharsets.UTF_8);
        return new EngineResult(
                request.requestId(),
                List.of(
                        new EngineResult.Choice(
                                0, text, new int[] {1}, FinishReason.STOP, null, null)),
                ids.length,
                0,
                new EngineResult.Timing(0, 0, 0, 0),
                null);
    }

    private record ByteEncoder(Consumer<String> onPrompt) implements PromptEncoder {
        @Override
        public EncodedPrompt chat(
                List<Map<String, Object>> messages,
                List<Object> tools,
                Map<String, Object> variables) {
            return text((String) messages.getLast().get("content"));
        }

        @Override
        public EncodedPrompt text(String prompt) {
            onPrompt.accept(prompt);
            byte[] bytes = prompt.getBytes(StandardCharsets.UTF_8);
            int[] ids = new int[bytes.length];
            for (int i = 0; i < bytes.length; i++) {
                ids[i] = Byte.toUnsignedInt(bytes[i]);
            }
            return new EncodedPrompt(prompt, ids);
        }

        @Override
        public EncodedPrompt tokens(int[] tokenIds) {
            return new EncodedPrompt("", tokenIds);
        }
    }
}
