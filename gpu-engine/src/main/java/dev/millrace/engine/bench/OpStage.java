package dev.millrace.engine.bench;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.Buffer;
import dev.millrace.engine.backend.cuda.CudaBackend;
import dev.millrace.engine.backend.cuda.CudaConfig;
import dev.millrace.engine.backend.scalar.ScalarBackend;
import dev.millrace.engine.model.ModelConfigReader;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Each op of a layer on the device against the scalar device, on awkward shapes and before anything
 * is timed: heads of 64 and 128, keys and values in FP8 and BF16, chunked prompts, split and shared
 * attention, products of every weight format. What is compared is ‖out − reference‖ / ‖reference‖.
 * Experts and sampling are judged by the tokens of whole models.
 */
final class OpStage {
    static final List<String> COLUMNS =
            List.of("op", "heads", "keys and values", "error", "allowed");

    private final Function<CudaConfig, CudaBackend> devices;

    OpStage(Function<CudaConfig, CudaBackend> devices) {
        this.devices = devices;
    }

    void run(Path folder, CheckReport.Table table) throws IOException {
        for (int headDim : new int[] {64, 128}) {
            for (boolean fp8 : new boolean[] {true, false}) {
                run(folder.resolve("d" + headDim), headDim, fp8, table);
            }
        }
    }

    private void run(Path folder, int headDim, boolean fp8, CheckReport.Table table)
            throws IOException {
        BenchShape shape = new BenchShape("ops", 256, 384, 1, 8, 2, headDim, 512);
        CudaConfig config =
                CudaConfig.defaults().withKvFp8(fp8).withAttention(32, 64).withGraphRowsMax(0);
        EngineConfig engine =
                new EngineConfig("cuda", 8, 256, 16, 4 << 20, 0, false, 1, Numerics.DEFAULT,
                        Speculation.OFF);
        try (CudaBackend device = devices.apply(config);
                Backend scalar = new ScalarBackend()) {
            device.fit(ModelConfigReader.read(shape.writeConfig(folder)), engine);
            OpProgram program = new OpProgram(shape);
            Map<String, float[][]> expected = program.run(scalar);
            Map<String, float[][]> actual = program.run(device);
            for (var op : expected.entrySet()) {
                boolean rough = op.getKey().contains("FP8") || fp8 && op.getKey().contains("atte");
                double allowed = rough ? 0.06 : 0.01;
                double error = error(op.getValue(), actual.get(op.getKey()));
                table.row(
                        op.getKey(),
                        headDim,
                        fp8 ? "FP8" : "BF16",
                        "%.5f".formatted(error),
                        "%.2f".formatted(allowed));
                if (!(error <= allowed)) { // NaN is no success
                    table.failure(op.getKey() + ", heads of " + headDim + ": error " + error);
                }
            }
        }
    }

    /** ‖actual − expected‖ / ‖expected‖ over all rows. */
    static double error(float[][] expected, float[][] actual) {
        double difference = 0;
        double size = 0;
        for (int row = 0; row < expected.length; row++) {
            for (int col = 0; col < expected[row].length; col++) {
                double wanted = expected[row][col];
                difference += (actual[row][col] - wanted) * (actual[row][col] - wanted);
                size += wanted * wanted;
            }
        }
        return Math.sqrt(difference / size);
    }

    /** A buffer's rows as the host sees them. */
    static float[][] read(Backend backend, Buffer buffer, int rows) {
        float[][] values = new float[rows][buffer.cols()];
        for (int row = 0; row < rows; row++) {
            backend.read(buffer, row, values[row]);
        }
        return values;
    }
}
