package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.cpu.CpuBackend;
import dev.millrace.engine.backend.scalar.ScalarBackend;
import dev.millrace.engine.sampling.SampledToken;
import dev.millrace.engine.sampling.Sampler;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import java.util.stream.Stream;

/**
 * Every golden checkpoint on every host device: logits after every position, greedy tokens,
 * log-probabilities.
 */
class GoldenLogitsTest {
    private static final long SEED = 20;
    private static final int MAX_NUM_SEQS = 4;

    /** The devices, and how near they must come to the reference. */
    private enum Device {
        SCALAR {
            @Override
            Backend open() {
                return new ScalarBackend();
            }

            /** F32 against F32: only the order of sums differs. */
            @Override
            double maxError(Golden.Case golden) {
                return 1e-3;
            }

            @Override
            double rmsError(Golden.Case golden) {
                return 1e-4;
            }
        },

        CPU {
            @Override
            Backend open() {
                return new CpuBackend(2);
            }

            /** BF16 GEMM must be nearer than the reference with everything in BF16. */
            @Override
            double maxError(Golden.Case golden) {
                return golden.rougherMax();
            }

            @Override
            double rmsError(Golden.Case golden) {
                return golden.rougherRms();
            }

            /**
             * A near tie of a router may fall the other way in BF16, which moves the token's whole
             * row.
             */
            @Override
            double reroutedRows() {
                return 0.15;
            }
        };

        abstract Backend open();

        abstract double maxError(Golden.Case golden);

        abstract double rmsError(Golden.Case golden);

        /**
         * Share of a sparse model's rows that may lie outside {@link #maxError}; they do not count
         * in the rms.
         */
        double reroutedRows() {
            return 0;
        }
    }

    static Stream<Arguments> devicesAndModels() {
        return Stream.of(Device.values())
                .flatMap(
                        device ->
                                Golden.modelDirs().stream()
                                        .map(
                                                dir ->
                                                        Arguments.argumentSet(
                                                                device + " " + dir.getFileName(),
                                                                device,
                                                                dir)));
    }

    @Test
    void coversAllFamiliesAndFormats() {
        assertEquals(9, Golden.modelDirs().size(), Golden.modelDirs()::toString);
    }

    @ParameterizedTest
    @MethodSource("devicesAndModels")
    void eachCaseAloneWithItsPromptInOneChunk(Device device, Path modelDir) throws IOException {
        Golden golden = Golden.read(modelDir);
        for (Golden.Case wanted : golden.cases()) {
            check(
                    device,
                    golden,
                    List.of(wanted),
                    run(device, modelDir, List.of(wanted), 512, 16, room -> room));
        }
    }

    /** The step sizes come from {@link #SEED}. */
    @ParameterizedTest
    @MethodSource("devicesAndModels")
    void allCasesMixedInAwkwardChunks(Device device, Path modelDir) throws IOException {
        Golden golden = Golden.read(modelDir);
        Random random = new Random(SEED);
        check(
                device,
                golden,
                golden.cases(),
                run(
                        device,
                        modelDir,
                        golden.cases(),
                        37,
                        4,
                        room -> Math.min(room, random.nextInt(20))));
    }

    private static List<StepDriver.Sequence> run(
            Device device,
            Path modelDir,
            List<Golden.Case> cases,
            int budget,
            int blockSize,
            IntUnaryOperator chunk) {
        EngineConfig config =
                new EngineConfig(
                        "test",
                        MAX_NUM_SEQS,
                        budget,
                        blockSize,
                        8 << 20,
                        0,
                        false,
                        2,
                        Numerics.DEFAULT,
                        Speculation.OFF);
        List<StepDriver.Recorder> recorder = new ArrayList<>();
        try (DecoderModel model =
                ModelLoader.load(
                        modelDir,
                        device.open(),
                        config,
                        vocabSize -> {
                            recorder.add(new StepDriver.Recorder(new Sampler(vocabSize)));
                            return recorder.getFirst();
                        })) {
            StepDriver driver =
                    new StepDriver(
                            model, recorder.getFirst(), budget, MAX_NUM_SEQS, new Random(SEED));
            List<StepDriver.Sequence> sequences =
                    cases.stream()
                            .map(wanted -> driver.sequence(wanted.prompt(), wanted.greedy().length))
                            .toList();
            driver.run(sequences, chunk);
            return sequences;
        }
    }

    private static void check(
            Device device,
            Golden golden,
            List<Golden.Case> cases,
            List<StepDriver.Sequence> sequences) {
        boolean sparse = ModelConfigReader.read(golden.modelDir()).experts() != null;
        for (int i = 0; i < cases.size(); i++) {
            Golden.Case wanted = cases.get(i);
            StepDriver.Sequence got = sequences.get(i);
            assertArrayEquals(
                    wanted.greedy(), got.generated(), "tokens of case " + i + ", seed " + SEED);
            checkLogits(wanted, got, device, sparse ? device.reroutedRows() : 0);
            for (int k = 0; k < wanted.greedy().length; k++) {
                checkLogprobs(wanted, k, got.sampled.get(k), device.maxError(wanted));
            }
        }
    }

    private static void checkLogits(
            Golden.Case wanted, StepDriver.Sequence got, Device device, double reroutedRows) {
        int rows = wanted.logits().length;
        assertEquals(rows, got.logits.size());
        List<Double> moved = new ArrayList<>();
        double squares = 0;
        for (int row = 0; row < rows; row++) {
            double rowSquares = 0;
            double worst = 0;
            for (int token = 0; token < wanted.logits()[row].length; token++) {
                double error = Math.abs(wanted.logits()[row][token] - got.logits.get(row)[token]);
                rowSquares += error * error;
                worst = Math.max(worst, error);
            }
            if (worst <= device.maxError(wanted)) {
                squares += rowSquares;
            } else {
                moved.add(worst);
            }
        }
        assertTrue(
                moved.size() <= reroutedRows * rows,
                "logits of "
                        + moved.size()
                        + " rows of "
                        + rows
                        + " are off by "
                        + moved
                        + ", allowed is "
                        + device.maxError(wanted));
        double rms = Math.sqrt(squares / (rows - moved.size()) / wanted.logits()[0].length);
        assertTrue(
                rms <= device.rmsError(wanted),
                "logits are off by " + rms + " (rms), allowed is " + device.rmsError(wanted));
    }

    private static void checkLogprobs(
            Golden.Case wanted, int step, SampledToken got, double maxError) {
        // The file rounds to five places, and a log-probability moves by up to twice what a logit
        // does.
        double tolerance = 2 * maxError + 1e-5;
        assertEquals(wanted.logprobs()[step], got.logprob(), tolerance, "logprob of step " + step);
        double[] logprobs = wanted.topLogprobs()[step];
        for (int rank = 0; rank < logprobs.length; rank++) {
            assertEquals(
                    logprobs[rank],
                    got.topLogprobs()[rank],
                    tolerance,
                    "step " + step + ", rank " + rank);
            boolean apart =
                    (rank == 0 || logprobs[rank - 1] - logprobs[rank] > 2 * tolerance)
                            && (rank + 1 < logprobs.length
                                    && logprobs[rank] - logprobs[rank + 1] > 2 * tolerance);
            if (apart) {
                assertEquals(
                        wanted.topTokenIds()[step][rank],
                        got.topTokenIds()[rank],
                        "step " + step + ", rank " + rank);
            }
        }
    }
}
