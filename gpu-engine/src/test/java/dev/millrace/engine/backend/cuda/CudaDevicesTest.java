package dev.millrace.engine.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.model.ModelConfig;
import dev.millrace.engine.model.ModelConfigReader;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What is said when a device cannot be had, and what a model takes of its memory. */
class CudaDevicesTest {
    private static final Path DEMO = Path.of("../ops/demo/millrace-demo");

    @Test
    void withoutADriverTheErrorSaysWhatToDo() {
        Assumptions.assumeFalse(CudaDevices.hasDriver(), "this machine has an NVIDIA driver");
        var e =
                assertThrows(
                        DeviceUnavailableException.class,
                        () -> CudaDevices.cuda(CudaConfig.defaults()));
        assertTrue(
                e.getMessage().contains("libcuda.so.1") && e.getMessage().contains("--device cpu"),
                e.getMessage());
    }

    @Test
    void memoryIsAFormula() {
        ModelConfig model = ModelConfigReader.read(DEMO);
        EngineConfig engine = EngineConfig.defaults("cuda").withKvCacheBytes(Long.MAX_VALUE);
        MemoryPlan.Budget budget = new MemoryPlan.Budget(8L << 30, 7L << 30, 0.5);
        MemoryPlan plan = MemoryPlan.of(model, engine, CudaConfig.defaults(), budget, 132);
        assertEquals(3L << 30, budget.usable());
        long sum =
                plan.weights()
                        + plan.activations()
                        + plan.logits()
                        + plan.tables()
                        + plan.workspace()
                        + plan.kv();
        assertEquals(budget.usable(), sum);
        assertEquals(
                1 << 20,
                MemoryPlan.of(
                                model,
                                engine.withKvCacheBytes(1 << 20),
                                CudaConfig.defaults(),
                                budget,
                                132)
                        .kv());
        MemoryPlan.Budget little = new MemoryPlan.Budget(8L << 30, 64L << 20, 1);
        var e =
                assertThrows(
                        DeviceUnavailableException.class,
                        () -> MemoryPlan.of(model, engine, CudaConfig.defaults(), little, 132));
        assertTrue(e.getMessage().contains("--gpu-memory-utilization"), e.getMessage());
    }

    @Test
    void chosenAlgorithmsAreKept(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("gemm").resolve("device-1.txt");
        GemmKey key = new GemmKey(CudaLinear.Format.FP8, 4096, 6144, false, 100);
        GemmChoices first = new GemmChoices(file);
        assertEquals(-1, first.chosen(key, 8));
        first.choose(key, 5);
        first.save();
        GemmChoices second = new GemmChoices(file);
        assertEquals(
                5, second.chosen(new GemmKey(CudaLinear.Format.FP8, 4096, 6144, false, 124), 8));
        assertEquals(-1, second.chosen(key, 4)); // another library proposes fewer
        assertEquals(
                -1, second.chosen(new GemmKey(CudaLinear.Format.FP8, 4096, 6144, false, 128), 8));
        Files.writeString(file, "damaged");
        assertEquals(-1, new GemmChoices(file).chosen(key, 8));
    }
}
