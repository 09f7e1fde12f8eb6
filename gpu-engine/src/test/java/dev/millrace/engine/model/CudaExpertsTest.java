package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.backend.ActivationScheme;
import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.Buffer;
import dev.millrace.engine.backend.Experts;
import dev.millrace.engine.backend.Linear;
import dev.millrace.engine.backend.WeightTensor;
import dev.millrace.engine.backend.WeightTensor.DType;
import dev.millrace.engine.backend.cuda.CudaConfig;
import dev.millrace.engine.backend.cuda.CudaDevices;
import dev.millrace.engine.backend.scalar.ScalarBackend;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/**
 * A whole mixture-of-experts block in FP8 on the emulated device, from routing to the weighted sum,
 * against the scalar device, which rounds no activation. No golden has experts in FP8, and tokens of
 * random models say little about rounding.
 */
class CudaExpertsTest {
    private static final long SEED = Long.getLong("millrace.seed", 5);
    private static final int HIDDEN = 256;
    private static final int WIDTH = 128;
    private static final int EXPERTS = 4;
    private static final EngineConfig CONFIG =
            new EngineConfig(
                    "test", 64, 64, 16, 4 << 20, 0, false, 1, Numerics.DEFAULT, Speculation.OFF);

    @TempDir private Path dir;

    /** Weights that share a scale: so many rows and columns; 0 for all columns. */
    private record Scales(int rows, int cols) {}

    /** By row: scales of output channels; by block: of 128 x 128 weights. */
    @ParameterizedTest(name = "{0} rows, scales over {1} x {2}")
    @CsvSource({"1,1,0", "37,1,0", "37,128,128"})
    void experts(int rows, int scaleRows, int scaleCols) throws IOException {
        Scales scales = new Scales(scaleRows, scaleCols);
        float[][] expected = run(new ScalarBackend(), rows, scales, 0);
        float[][] swapped = run(new ScalarBackend(), rows, scales, 1);
        CudaConfig config = CudaConfig.defaults().withGraphRowsMax(0);
        float[][] actual = run(CudaDevices.emulated(config), rows, scales, 0);
        double error = distance(expected, actual);
        assertTrue(error < 0.08, "seed " + SEED + ": error " + error);
        assertTrue(distance(expected, swapped) > 0.5, "other experts make no difference");
    }

    /**
     * @param shift by how many places the experts are moved
     */
    private float[][] run(Backend backend, int rows, Scales scales, int shift)
            throws IOException {
        Random random = new Random(SEED);
        ForwardInput input = new ForwardInput(rows, rows);
        input.numTokens = rows;
        input.numSeqs = rows;
        for (int row = 0; row < rows; row++) {
            input.tokenIds[row] = row;
            input.cuSeqlensQ[row + 1] = row + 1;
            input.contextLens[row] = 1;
            input.blockTables[row] = new int[] {row % 4};
            input.slotMapping[row] = row;
        }
        try (backend) {
            backend.fit(ModelConfigReader.read(config()), CONFIG);
            Linear table = backend.embedding(bf16(random, rows));
            Linear router = backend.router(bf16(random, EXPERTS));
            Linear[] gateUp = new Linear[EXPERTS];
            Linear[] down = new Linear[EXPERTS];
            for (int e = 0; e < EXPERTS; e++) {
                int at = (e + shift) % EXPERTS;
                gateUp[at] = backend.linear(
                                List.of(fp8(random, e, 2 * WIDTH, HIDDEN, scales)),
                                null,
                                ActivationScheme.DYNAMIC);
                down[at] = backend.linear(
                                List.of(fp8(random, e, HIDDEN, WIDTH, scales)),
                                null,
                                ActivationScheme.DYNAMIC);
            }
            Experts block = backend.pack(new Experts(router, gateUp, down, 2, true));
            float[][] out = new float[rows][HIDDEN];
            backend.step(
                    input,
                    n -> {
                        Buffer in = backend.allocate(rows, HIDDEN);
                        Buffer sum = backend.allocate(rows, HIDDEN);
                        backend.embed(table, input, in);
                        backend.experts(block, in, sum, rows);
                        for (int row = 0; row < rows; row++) {
                            backend.read(sum, row, out[row]);
                        }
                    });
            return out;
        }
    }

    private Path config() throws IOException {
        ObjectMapper json = new ObjectMapper();
        Path golden = Golden.root().resolve("mixtral-bf16").resolve("config.json");
        ObjectNode config = (ObjectNode) json.readTree(golden.toFile());
        config.put("hidden_size", HIDDEN).put("intermediate_size", WIDTH);
        config.put("num_local_experts", EXPERTS).put("num_experts_per_tok", 2);
        Files.writeString(dir.resolve("config.json"), json.writeValueAsString(config));
        return dir;
    }

    private static WeightTensor bf16(Random random, int rows) {
        MemorySegment data = Arena.ofAuto().allocate(2L * rows * HIDDEN, 16);
        for (long i = 0; i < (long) rows * HIDDEN; i++) {
            int bits = Float.floatToIntBits((float) random.nextGaussian());
            data.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (bits >>> 16));
        }
        return new WeightTensor("t" + rows, DType.BF16, rows, HIDDEN, data, null, 1, HIDDEN);
    }

    /** An expert's matrix; each expert has scales of its own size. */
    private static WeightTensor fp8(
            Random random, int expert, int rows, int cols, Scales shared) {
        MemorySegment data = Arena.ofAuto().allocate((long) rows * cols, 16);
        for (long i = 0; i < (long) rows * cols; i++) {
            int bits = random.nextInt(2) << 7 | random.nextInt(0x18, 0x58);
            data.set(ValueLayout.JAVA_BYTE, i, (byte) bits);
        }
        int wide = shared.cols == 0 ? cols : shared.cols;
        float[] scales = new float[Math.ceilDiv(rows, shared.rows) * Math.ceilDiv(cols, wide)];
        for (int i = 0; i < scales.length; i++) {
            scales[i] = (1 + expert) * (1 + random.nextFloat()) / 1024;
        }
        return new WeightTensor(
                "expert" + expert + "." + rows,
                DType.F8_E4M3,
                rows,
                cols,
                data,
                scales,
                shared.rows,
                wide);
    }

    /** The difference's size over the expected's. */
    private static double distance(float[][] expected, float[][] actual) {
        double difference = 0;
        double size = 0;
        for (int row = 0; row < expected.length; row++) {
            for (int col = 0; col < HIDDEN; col++) {
                difference += Math.pow(actual[row][col] - expected[row][col], 2);
                size += Math.pow(expected[row][col], 2);
            }
        }
        return Math.sqrt(difference / size);
    }
}
