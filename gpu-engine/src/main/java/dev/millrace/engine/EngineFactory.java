package dev.millrace.engine;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.LoadedModel;
import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.cpu.CpuBackend;
import dev.millrace.engine.backend.scalar.ScalarBackend;
import dev.millrace.engine.model.DecoderModel;
import dev.millrace.engine.model.GenerationDefaults;
import dev.millrace.engine.model.GenerationDefaultsReader;
import dev.millrace.engine.model.ModelFingerprint;
import dev.millrace.engine.model.ModelLoadException;
import dev.millrace.engine.model.ModelLoader;
import dev.millrace.engine.sampling.Sampler;
import dev.millrace.engine.scheduler.LlmEngine;
import dev.millrace.engine.scheduler.TokenizerTexts;
import dev.millrace.engine.tokenizer.ChatPromptEncoder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Opens a Hugging Face folder as a model that answers: the wiring of the engine. */
public final class EngineFactory {
    /** The names that {@link EngineConfig#device()} may take. */
    public static final List<String> DEVICES = List.of("cpu", "scalar");

    private EngineFactory() {}

    /** Opens a model with the folder's own chat template. */
    public static LoadedModel open(Path modelDir, String servedName, EngineConfig config) {
        return open(modelDir, servedName, config, null);
    }

    /**
     * Opens a model. Closing its engine frees everything, the prompt encoder's tokenizer included.
     *
     * @param servedName the name it goes by
     * @param chatTemplate a file that takes the place of the folder's template, or null
     * @throws IllegalArgumentException if there is no such device
     * @throws ModelLoadException if the folder cannot be used; the message names the file
     */
    public static LoadedModel open(Path modelDir, String servedName, EngineConfig config, Path chatTemplate) {
        if (!DEVICES.contains(config.device())) {
            throw new IllegalArgumentException("there is no device " + config.device() + "; choose one of " + String.join(", ", DEVICES));
        }
        if (!Files.isDirectory(modelDir)) {
            throw new ModelLoadException(modelDir + " is not a folder");
        }
        ChatPromptEncoder prompts = ChatPromptEncoder.load(modelDir, chatTemplate);
        try {
            GenerationDefaults defaults = GenerationDefaultsReader.read(modelDir);
            String fingerprint = ModelFingerprint.of(modelDir);
            DecoderModel model = loadOnDevice(modelDir, config);
            LlmEngine engine = new LlmEngine(model, new TokenizerTexts(prompts.tokenizer()), defaults.eosTokenIds(), config);
            return new LoadedModel(servedName, fingerprint, engine, prompts, defaults, model.maxModelLen());
        } catch (RuntimeException e) {
            prompts.close();
            throw e;
        }
    }

    private static DecoderModel loadOnDevice(Path modelDir, EngineConfig config) {
        Backend backend = device(config);
        try {
            return ModelLoader.load(modelDir, backend, config, Sampler::new);
        } catch (RuntimeException e) {
            backend.close();
            throw e;
        }
    }

    private static Backend device(EngineConfig config) {
        if (config.device().equals("scalar")) {
            return new ScalarBackend();
        }
        try {
            return new CpuBackend(config.threads());
        } catch (LinkageError e) {
            throw new IllegalStateException("device cpu needs oneDNN's native library, which cannot be loaded here: " + e.getMessage(), e);
        }
    }
}
