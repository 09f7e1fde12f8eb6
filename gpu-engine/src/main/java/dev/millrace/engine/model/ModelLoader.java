package dev.millrace.engine.model;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.RopeTable;
import dev.millrace.engine.sampling.RowSampler;
import dev.millrace.engine.sampling.Sampler;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.nio.file.Path;
import java.util.List;
import java.util.function.IntFunction;

/** Brings a Hugging Face folder onto a device. */
public final class ModelLoader {
    private static final Logger LOG = LoggerFactory.getLogger(ModelLoader.class);

    /**
     * Tensors that checkpoints carry and this engine computes, or needs only for FP8 activations
     * and an FP8 KV cache.
     */
    private static final List<String> UNNEEDED =
            List.of(
                    ".rotary_emb.inv_freq",
                    ".input_scale",
                    ".input_scale_ub",
                    ".activation_scale",
                    ".k_scale",
                    ".v_scale",
                    ".kv_scale");

    private ModelLoader() {}

    /**
     * Loads a model.
     *
     * @param backend the device; the model closes it, but where loading fails that is left to the
     *     caller
     * @param samplers vocabulary size to what chooses the tokens
     * @throws ModelLoadException if the folder holds no usable model, or the settings do not fit it
     */
    public static DecoderModel load(
            Path modelDir,
            Backend backend,
            EngineConfig wanted,
            IntFunction<? extends RowSampler> samplers) {
        ModelConfig config = ModelConfigReader.read(modelDir);
        EngineConfig engine = backend.fit(config, wanted);
        ModelCapacity capacity = ModelCapacity.of(config, engine, backend);
        RopeTable rope = RopeTables.of(config.rope(), config.headDim(), capacity.maxModelLen());
        try (Checkpoint checkpoint = Checkpoint.open(modelDir, config.quantization())) {
            ModelWeights weights = ModelWeights.load(config, checkpoint, backend, rope);
            refuseLeftovers(checkpoint, config);
            LOG.info(
                    "{}: {}, {} layers, hidden {}, vocabulary {}, {}, on device {}",
                    modelDir,
                    config.modelType(),
                    config.numLayers(),
                    config.hiddenSize(),
                    config.vocabSize(),
                    config.quantization() == null ? "unquantised" : config.quantization().method(),
                    backend.name());
            LOG.info(
                    "{}; context {} of {}",
                    capacity.describe(engine.kvCacheBytes()),
                    capacity.maxModelLen(),
                    config.maxPositionEmbeddings());
            return new DecoderModel(
                    backend, config, weights, capacity, samplers.apply(config.vocabSize()));
        }
    }

    /**
     * A model of random FP8 weights, for measurements of speed.
     *
     * @param modelDir holds a config.json
     */
    public static DecoderModel random(Path modelDir, Backend backend, EngineConfig wanted, long seed) {
        ModelConfig config = ModelConfigReader.read(modelDir);
        EngineConfig engine = backend.fit(config, wanted);
        ModelCapacity capacity = ModelCapacity.of(config, engine, backend);
        RopeTable rope = RopeTables.of(config.rope(), config.headDim(), capacity.maxModelLen());
        int attention = Math.max(config.hiddenSize(), config.numQueryHeads() * config.headDim());
        long widest = Math.max(attention, config.intermediateSize());
        long table = (long) config.vocabSize() * config.hiddenSize();
        try (RandomWeights source = new RandomWeights(seed, widest * config.hiddenSize(), table)) {
            ModelWeights weights = ModelWeights.load(config, source, backend, rope);
            return new DecoderModel(
                    backend, config, weights, capacity, new Sampler(config.vocabSize()));
        }
    }

    /**
     * A weight without a place means that the model computes something else: better no answer than
     * a wrong one.
     */
    private static void refuseLeftovers(Checkpoint checkpoint, ModelConfig config) {
        List<String> leftovers =
                checkpoint.unused().stream()
                        .filter(name -> UNNEEDED.stream().noneMatch(name::endsWith))
                        .filter(
                                name ->
                                        !(config.tieWordEmbeddings()
                                                && name.startsWith("lm_head.")))
                        .toList();
        if (!leftovers.isEmpty()) {
            throw new ModelLoadException(
                    checkpoint.fileOf(leftovers.getFirst())
                            + ": tensor "
                            + leftovers.getFirst()
                            + " ("
                            + leftovers.size()
                            + " such) has no place in a "
                            + config.modelType()
                            + " model of this config.json");
        }
    }
}
