package dev.millrace.engine;

import dev.millrace.engine.api.Engine;
import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.KvFormat;
import dev.millrace.engine.api.LoadedModel;
import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.cpu.CpuBackend;
import dev.millrace.engine.backend.cuda.CudaConfig;
import dev.millrace.engine.backend.cuda.CudaDevices;
import dev.millrace.engine.backend.cuda.DeviceUnavailableException;
import dev.millrace.engine.backend.scalar.ScalarBackend;
import dev.millrace.engine.kvtier.BlockArchive;
import dev.millrace.engine.kvtier.BlockIdentity;
import dev.millrace.engine.model.DecoderModel;
import dev.millrace.engine.model.GenerationDefaults;
import dev.millrace.engine.model.GenerationDefaultsReader;
import dev.millrace.engine.model.ModelFingerprint;
import dev.millrace.engine.model.ModelLoadException;
import dev.millrace.engine.model.ModelLoader;
import dev.millrace.engine.sampling.Sampler;
import dev.millrace.engine.scheduler.LlmEngine;
import dev.millrace.engine.scheduler.NoTexts;
import dev.millrace.engine.scheduler.TokenizerTexts;
import dev.millrace.engine.tokenizer.ChatPromptEncoder;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Opens a Hugging Face folder as a model that answers: the wiring of the engine. */
public final class EngineFactory {
    /** The names that {@link EngineConfig#device()} may take. */
    public static final List<String> DEVICES =
            List.of("cpu", "scalar", "cuda", "cuda-emulated", "auto");

    /**
     * More would delay a start by more than it saves the first steps (ADR 0021). A model so large that
     * its rounds are slow is bound by GEMMs, which need no warming.
     */
    private static final long WARM_UP_NANOS = 1_000_000_000L;

    private static final Logger LOG = LoggerFactory.getLogger(EngineFactory.class);

    private EngineFactory() {}

    /** Opens a model with the folder's own chat template. */
    public static LoadedModel open(Path modelDir, String servedName, EngineConfig config) {
        return open(modelDir, servedName, config, null);
    }

    /** Opens a model; a CUDA device gets its default settings. */
    public static LoadedModel open(
            Path modelDir, String servedName, EngineConfig config, Path chatTemplate) {
        return open(modelDir, servedName, config, chatTemplate, CudaConfig.defaults());
    }

    /**
     * Opens a model. Closing its engine frees everything, the prompt encoder's tokenizer included.
     *
     * @param servedName the name it goes by
     * @param chatTemplate a file that takes the place of the folder's template, or null
     * @param cuda settings that only CUDA devices read
     * @throws IllegalArgumentException if there is no such device
     * @throws DeviceUnavailableException if the device cannot be used on this machine; the message
     *     says what is missing
     * @throws ModelLoadException if the folder cannot be used; the message names the file
     */
    public static LoadedModel open(
            Path modelDir,
            String servedName,
            EngineConfig config,
            Path chatTemplate,
            CudaConfig cuda) {
        checkDevice(config);
        if (!Files.isDirectory(modelDir)) {
            throw new ModelLoadException(modelDir + " is not a folder");
        }
        ChatPromptEncoder prompts = ChatPromptEncoder.load(modelDir, chatTemplate);
        try {
            GenerationDefaults defaults = GenerationDefaultsReader.read(modelDir);
            String fingerprint = ModelFingerprint.of(modelDir);
            DecoderModel model = loadOnDevice(modelDir, config, cuda);
            model.warmUp(WARM_UP_NANOS);
            LlmEngine engine =
                    new LlmEngine(
                            model,
                            new TokenizerTexts(prompts.tokenizer()),
                            defaults.eosTokenIds(),
                            config);
            useTiers(engine, model, fingerprint, config, cuda);
            return new LoadedModel(
                    servedName, fingerprint, engine, prompts, defaults, model.maxModelLen());
        } catch (RuntimeException e) {
            prompts.close();
            throw e;
        }
    }

    /**
     * Opens a folder's weights alone, without tokenizer or template: an engine over token ids,
     * whose texts are empty and which knows no end of text. Errors as in {@link #open}.
     */
    public static Engine openWeights(Path modelDir, EngineConfig config, CudaConfig cuda) {
        checkDevice(config);
        DecoderModel model = loadOnDevice(modelDir, config, cuda);
        LlmEngine engine = new LlmEngine(model, new NoTexts(), new int[0], config);
        if (config.tiers().isOn()) {
            useTiers(engine, model, ModelFingerprint.of(modelDir), config, cuda);
        }
        return engine;
    }

    /** What an image's bytes depend on: the checkpoint, how it is computed, and the store. */
    private static void useTiers(
            LlmEngine engine,
            DecoderModel model,
            String fingerprint,
            EngineConfig config,
            CudaConfig cuda) {
        if (!config.tiers().isOn()) {
            return;
        }
        String numerics = config.numerics() + ", FP8 at load on cuda: " + cuda.quantizeWeights();
        BlockIdentity identity = BlockIdentity.of(fingerprint, numerics, model.kvStore());
        try {
            engine.useArchive(BlockArchive.open(config.tiers(), model.kvStore(), identity));
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
    }

    private static void checkDevice(EngineConfig config) {
        if (!DEVICES.contains(config.device())) {
            throw new IllegalArgumentException(
                    "there is no device "
                            + config.device()
                            + "; choose one of "
                            + String.join(", ", DEVICES));
        }
    }

    private static DecoderModel loadOnDevice(Path modelDir, EngineConfig config, CudaConfig cuda) {
        Backend backend = device(config, cuda);
        if (config.numerics().kv() == KvFormat.INT8 && !(backend instanceof CpuBackend)) {
            backend.close();
            throw new IllegalArgumentException(
                    "a KV cache in INT8 is the cpu device's alone; the device is "
                            + backend.name());
        }
        try {
            return ModelLoader.load(modelDir, backend, config, Sampler::new);
        } catch (RuntimeException e) {
            backend.close();
            throw e;
        }
    }

    private static Backend device(EngineConfig config, CudaConfig cuda) {
        return switch (config.device()) {
            case "scalar" -> new ScalarBackend();
            case "cuda" -> CudaDevices.cuda(cuda);
            case "cuda-emulated" -> CudaDevices.emulated(cuda);
            case "auto" -> automatic(config, cuda);
            default -> cpu(config);
        };
    }

    /**
     * A machine with an NVIDIA driver means the GPU: if that then cannot be used, it is an error,
     * not a slow run.
     */
    private static Backend automatic(EngineConfig config, CudaConfig cuda) {
        boolean gpu = CudaDevices.hasDriver();
        LOG.info(
                "device auto: {}",
                gpu
                        ? "cuda, for an NVIDIA driver is installed"
                        : "cpu, for no NVIDIA driver is installed");
        return gpu ? CudaDevices.cuda(cuda) : cpu(config);
    }

    private static Backend cpu(EngineConfig config) {
        try {
            return new CpuBackend(config.threads(), config.numerics());
        } catch (LinkageError e) {
            throw new IllegalStateException(
                    "device cpu needs oneDNN's native library, which cannot be loaded here: "
                            + e.getMessage(),
                    e);
        }
    }
}
