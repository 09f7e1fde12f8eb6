package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.backend.RopeTable;
import dev.millrace.engine.backend.scalar.ScalarBackend;
import dev.millrace.engine.sampling.RowSampler;
import dev.millrace.engine.sampling.SampleRow;
import dev.millrace.engine.sampling.SampledToken;

import org.junit.jupiter.api.Test;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

class DecoderModelTest {
    private static final EngineConfig ENGINE =
            new EngineConfig("scalar", 2, 16, 16, 1 << 20, 64, false, 1, Numerics.DEFAULT, Speculation.OFF);
    private static final SampleRow ROW =
            new SampleRow(SamplingParams.greedy(1), new int[1], 1, 1, 0);

    private final List<float[]> seen = new ArrayList<>();

    @Test
    void logitsInTurnsAreTheSameLogits() {
        int[] rows = {0, 1, 3, 4, 7, 8, 9};
        List<float[]> atOnce = logits(16, rows);
        List<float[]> inTurns = logits(3, rows);
        assertEquals(rows.length, atOnce.size());
        for (int i = 0; i < rows.length; i++) {
            assertArrayEquals(atOnce.get(i), inTurns.get(i));
        }
        assertTrue(
                atOnce.get(0)[5] != atOnce.get(1)[5],
                "rows differ, so that a wrong row would show");
    }

    @Test
    void aStepMayWantNoLogits() {
        try (DecoderModel model = model(16)) {
            assertEquals(List.of(), model.complete(model.launch(step(new int[0]), List.of())));
        }
    }

    @Test
    void refusesWhatADeviceWouldReadOutsideItsTables() {
        try (DecoderModel model = model(16)) {
            ForwardInput input = step(new int[0]);
            assertRefused("0 sample rows for 1 logit rows", model, step(new int[] {0}));
            input.tokenIds[3] = 384;
            assertRefused("token 384 at position 3: the vocabulary has 384 tokens", model, input);
            input.tokenIds[3] = 1;
            input.positions[3] = 64;
            assertRefused(
                    "token 1 at position 64: the vocabulary has 384 tokens and a sequence at most"
                        + " 64 positions",
                    model,
                    input);
            input.positions[3] = 3;
            model.launch(input, List.of());
            input.numTokens = 17;
            assertRefused("a step of 17 tokens (at most 16)", model, input);
        }
    }

    private static void assertRefused(String message, DecoderModel model, ForwardInput input) {
        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> model.launch(input, List.of()));
        assertTrue(e.getMessage().contains(message), e.getMessage());
    }

    private List<float[]> logits(int maxLogitRows, int[] rows) {
        seen.clear();
        try (DecoderModel model = model(maxLogitRows)) {
            List<SampledToken> tokens =
                    model.complete(model.launch(step(rows), Collections.nCopies(rows.length, ROW)));
            assertEquals(
                    List.of(0, 1, 2, 3, 4, 5, 6),
                    tokens.stream().map(SampledToken::tokenId).toList(),
                    "in the order of the rows");
        }
        return List.copyOf(seen);
    }

    /** One sequence of ten tokens. */
    private static ForwardInput step(int[] logitRows) {
        ForwardInput input = new ForwardInput(17, 1);
        input.numTokens = 10;
        input.numSeqs = 1;
        for (int t = 0; t < 10; t++) {
            input.tokenIds[t] = 20 + 7 * t;
            input.positions[t] = t;
            input.slotMapping[t] = t;
        }
        input.cuSeqlensQ[1] = 10;
        input.contextLens[0] = 10;
        input.blockTables[0] = new int[] {0};
        input.numLogitRows = logitRows.length;
        System.arraycopy(logitRows, 0, input.logitRows, 0, logitRows.length);
        return input;
    }

    /** The tokens it samples count the rows. */
    private DecoderModel model(int maxLogitRows) {
        RowSampler counter =
                (logits, row) -> {
                    seen.add(logits.clone());
                    return SampledToken.of(seen.size() - 1);
                };
        Path modelDir = Golden.root().resolve("llama3-rope-tied-f16");
        ScalarBackend backend = new ScalarBackend();
        ModelConfig config = ModelConfigReader.read(modelDir);
        ModelCapacity room = ModelCapacity.of(config, ENGINE, backend);
        ModelCapacity capacity =
                new ModelCapacity(
                        room.maxModelLen(),
                        room.maxNumBatchedTokens(),
                        maxLogitRows,
                        room.kvLayout());
        RopeTable rope = RopeTables.of(config.rope(), config.headDim(), capacity.maxModelLen());
        try (Checkpoint checkpoint = Checkpoint.open(modelDir, config.quantization())) {
            return new DecoderModel(
                    backend,
                    config,
                    ModelWeights.load(config, checkpoint, backend, rope),
                    capacity,
                    counter);
        }
    }
}
