package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.backend.ActivationScheme;
import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.WeightTensor;
import dev.millrace.engine.backend.cuda.CudaConfig;
import dev.millrace.engine.backend.cuda.CudaDevices;
import dev.millrace.engine.backend.scalar.ScalarBackend;
import dev.millrace.engine.sampling.Sampler;
import dev.millrace.engine.scheduler.LlmEngine;
import dev.millrace.engine.scheduler.NoTexts;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Checkpoints whose activations have one calibrated scale per layer: loaded as they are, and used. */
class StaticScaleTest {
    private static final String STATIC_FP8 = "{'quant_method': 'fp8', 'activation_scheme': 'static'}";
    private static final String MODEL_OPT = "{'quant_method': 'modelopt', 'quant_algo': 'FP8'}";
    private static final List<String> LAYERS =
            List.of(
                    "self_attn.q_proj",
                    "self_attn.k_proj",
                    "self_attn.v_proj",
                    "self_attn.o_proj",
                    "mlp.gate_proj",
                    "mlp.up_proj",
                    "mlp.down_proj");

    @TempDir private Path folder;

    @Test
    void everyLayerGetsItsScale() {
        for (String quantization : List.of(STATIC_FP8, MODEL_OPT)) {
            Map<String, ActivationScheme> seen = new HashMap<>();
            CheckpointCopy copy = checkpoint(quantization, scales(1));
            ModelLoader.load(copy.dir(), recording(seen), config("scalar"), Sampler::new).close();
            Map<String, Float> scales = scales(1);
            for (int layer = 0; layer < 3; layer++) {
                String prefix = "model.layers." + layer + ".";
                // Layers that share their input share the widest scale.
                float qkv = scales.get(prefix + "self_attn.v_proj.input_scale");
                float down = scales.get(prefix + "mlp.down_proj.input_scale");
                assertEquals(
                        ActivationScheme.fixed(qkv), seen.get(prefix + "self_attn.q_proj.weight"));
                assertEquals(
                        ActivationScheme.fixed(down), seen.get(prefix + "mlp.down_proj.weight"));
            }
        }
    }

    @Test
    void aMissingOrImpossibleScaleIsNamed() {
        Map<String, Float> scales = scales(1);
        scales.remove("model.layers.1.mlp.up_proj.input_scale");
        refuses(scales, "model.layers.1.mlp.up_proj.input_scale");
        scales.put("model.layers.1.mlp.up_proj.input_scale", 0f);
        refuses(scales, "model.layers.1.mlp.up_proj.input_scale is 0.0; a static scale must be");
    }

    /**
     * On the emulated device: ample scales give the tokens that scales per token give, up to
     * rounding in few places; scales a thousandth of that clip everything and do not.
     */
    @Test
    void scalesReachTheProducts() throws IOException {
        Golden golden = Golden.readFp8(Golden.root().resolve("llama-fp8-channel"));
        Golden.Case wanted = golden.cases().get(1);
        int[] ample = tokens(checkpoint(STATIC_FP8, scales(1)).dir(), wanted);
        assertArrayEquals(new int[] {wanted.greedy()[0]}, ample);
        int[] clipped = tokens(checkpoint(STATIC_FP8, scales(1e-4f)).dir(), wanted);
        assertFalse(wanted.greedy()[0] == clipped[0], "the scales are not used");
    }

    private static int[] tokens(Path dir, Golden.Case wanted) {
        CudaConfig cuda = CudaConfig.defaults().withKvFp8(false);
        EngineConfig config = config("cuda-emulated");
        DecoderModel model =
                ModelLoader.load(dir, CudaDevices.emulated(cuda), config, Sampler::new);
        try (LlmEngine engine = new LlmEngine(model, new NoTexts(), new int[0], config)) {
            engine.submit(new EngineRequest(1, wanted.prompt(), SamplingParams.greedy(1), 0));
            while (true) {
                var results = engine.step();
                if (!results.isEmpty()) {
                    return results.getFirst().choices().getFirst().tokenIds();
                }
            }
        }
    }

    private static EngineConfig config(String device) {
        return new EngineConfig(device, 2, 64, 16, 1 << 20, 0, false, 1, Numerics.DEFAULT, Speculation.OFF);
    }

    /** By tensor: different for each layer and its parts, and wide enough for 448 times it. */
    private static Map<String, Float> scales(float factor) {
        Map<String, Float> scales = new HashMap<>();
        for (int layer = 0; layer < 3; layer++) {
            for (int i = 0; i < LAYERS.size(); i++) {
                String name = "model.layers." + layer + "." + LAYERS.get(i) + ".input_scale";
                scales.put(name, factor * (0.02f + 0.001f * layer + 0.0001f * i));
            }
        }
        return scales;
    }

    private CheckpointCopy checkpoint(String quantization, Map<String, Float> scales) {
        return CheckpointCopy.of("llama-fp8-channel", folder.resolve("" + System.nanoTime()))
                .editConfig(
                        config ->
                                config.set(
                                        "quantization_config", CheckpointCopy.json(quantization)))
                .addScalars("model.safetensors", scales);
    }

    private void refuses(Map<String, Float> scales, String words) {
        Path dir = checkpoint(STATIC_FP8, scales).dir();
        ModelLoadException e =
                assertThrows(
                        ModelLoadException.class,
                        () ->
                                ModelLoader.load(
                                        dir,
                                        new ScalarBackend(),
                                        config("scalar"),
                                        Sampler::new));
        assertTrue(e.getMessage().contains(words), e.getMessage());
    }

    /** The scalar device, noting how each linear's input is to be rounded, by its first part. */
    private static Backend recording(Map<String, ActivationScheme> seen) {
        ScalarBackend device = new ScalarBackend();
        return (Backend)
                Proxy.newProxyInstance(
                        Backend.class.getClassLoader(),
                        new Class<?>[] {Backend.class},
                        (proxy, method, args) -> {
                            if (method.getName().equals("linear") && args.length == 3
                                    && args[2] instanceof ActivationScheme scheme) {
                                WeightTensor first = (WeightTensor) ((List<?>) args[0]).getFirst();
                                seen.put(first.name(), scheme);
                            }
                            try {
                                return method.invoke(device, args);
                            } catch (InvocationTargetException e) {
                                throw e.getCause();
                            }
                        });
    }
}
