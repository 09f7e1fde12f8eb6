package dev.millrace.ops.cli;

import dev.millrace.engine.EngineFactory;
import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.LoadedModel;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.api.WeightFormat;
import dev.millrace.engine.backend.cuda.CudaConfig;
import dev.millrace.engine.backend.cuda.CudaDevices;
import dev.millrace.worker.JobEngine;
import dev.millrace.worker.LocalJobEngine;

import io.micrometer.core.instrument.MeterRegistry;

import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.nio.file.Files;
import java.nio.file.Path;

/** Which model runs where, and how large its steps are; names are vLLM's. */
public final class EngineOptions {
    private static final long DEFAULT_KV_CACHE_BYTES = 256L << 20;
    private static final int DEMO_KV_CACHE_MB = 96;

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description = "Folder of a Hugging Face checkpoint (default: the demonstration model).")
    Path model;

    @Option(
            names = "--served-model-name",
            paramLabel = "NAME",
            description =
                    "The name that jobs ask for (default: the folder's name; with --engine openai"
                            + " the server's name for it).")
    String servedModelName;

    @Option(
            names = "--chat-template",
            paramLabel = "FILE",
            description = "A chat template in place of the checkpoint's own.")
    Path chatTemplate;

    @Option(
            names = "--device",
            defaultValue = "cpu",
            description =
                    "cpu (oneDNN and the Vector API), cuda (an NVIDIA GPU), auto (cuda where a"
                            + " driver is installed, else cpu), scalar (the slow reference), or"
                            + " cuda-emulated (the CUDA kernels on the host, a check). Default:"
                            + " ${DEFAULT-VALUE}.")
    String device;

    @Option(
            names = "--max-num-seqs",
            paramLabel = "N",
            defaultValue = "256",
            description = "Most sequences in one step (default ${DEFAULT-VALUE}).")
    int maxNumSeqs;

    @Option(
            names = "--max-num-batched-tokens",
            paramLabel = "N",
            defaultValue = "2048",
            description = "Token budget of one step (default ${DEFAULT-VALUE}).")
    int maxNumBatchedTokens;

    @Option(
            names = "--block-size",
            paramLabel = "N",
            description = "Tokens per KV block, a power of two (default 16, on a GPU 64).")
    Integer blockSize;

    @Option(
            names = "--kv-cache-mb",
            paramLabel = "MIB",
            description = "Memory for the KV cache in MiB (default 256, on a GPU what is left).")
    Integer kvCacheMb;

    @Option(
            names = "--max-model-len",
            paramLabel = "N",
            defaultValue = "0",
            description = "Most tokens of prompt and output together (default: the checkpoint's).")
    int maxModelLen;

    @Option(
            names = "--no-prefix-caching",
            description = "Compute every prompt from its first token.")
    boolean noPrefixCaching;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Threads of the device (default: the machine's cores).")
    Integer threads;

    @Option(
            names = "--weights",
            paramLabel = "FORMAT",
            defaultValue = "bf16",
            description =
                    "What linear layers multiply in on device cpu: bf16, or int8 (faster, rounded"
                            + " per channel and per token). Default: ${DEFAULT-VALUE}.")
    WeightFormat weights;

    @Option(
            names = "--batch-invariant",
            description =
                    "A request's answer is the same bits whatever runs beside it; on device"
                            + " cpu.")
    boolean batchInvariant;

    @Mixin TierOptions tiers = new TierOptions();
    @Mixin SpeculationOptions speculation = new SpeculationOptions();

    @Mixin CudaOptions cuda;
    @Mixin KvCacheOptions kvCache = new KvCacheOptions();

    @Mixin RemoteOptions remote = new RemoteOptions();

    /**
     * The demonstration model with the defaults of every other option, but smaller steps: the first
     * answer takes a dozen of them, and they are slow until the engine's loops are compiled. And a
     * smaller KV cache on hosts, for memory takes time to get.
     */
    static EngineOptions forDemo(String device) {
        EngineOptions options = new EngineOptions();
        options.device = device;
        options.maxNumSeqs = 256;
        options.maxNumBatchedTokens = 128;
        options.kvCacheMb = options.isGpu() ? null : DEMO_KV_CACHE_MB;
        options.cuda = CudaOptions.defaults();
        options.weights = WeightFormat.BF16;
        return options;
    }

    public Path modelDir() {
        Path dir = model == null ? Home.demoModel() : model;
        if (!Files.isDirectory(dir)) {
            throw CliFailure.usage("--model " + dir + " is not a folder");
        }
        return dir;
    }

    public String servedName() {
        return servedModelName == null
                ? modelDir().toAbsolutePath().normalize().getFileName().toString()
                : servedModelName;
    }

    public Path chatTemplateFile() {
        if (chatTemplate != null && !Files.isRegularFile(chatTemplate)) {
            throw CliFailure.usage("--chat-template " + chatTemplate + " is not a file");
        }
        return chatTemplate;
    }

    /**
     * Loads the model and takes the device's memory, or makes sure of the remote server.
     *
     * @param meters takes the metrics of a remote engine; the local one is exported by the worker
     */
    public JobEngine open(MeterRegistry meters) {
        return remote.isAskedFor()
                ? remote.open(servedModelName, meters)
                : new LocalJobEngine(openLocal());
    }

    /** Finds out what can be known to be wrong before anything is started. */
    void check() {
        if (remote.isAskedFor()) {
            remote.config(servedModelName);
        } else {
            modelDir();
            config();
        }
    }

    /** What the engine runs on, as status shows it. */
    String deviceName() {
        return remote.isAskedFor() ? "remote" : device;
    }

    private LoadedModel openLocal() {
        return EngineFactory.open(
                modelDir(), servedName(), config(), chatTemplateFile(), cudaConfig());
    }

    private CudaConfig cudaConfig() {
        return kvCache.onCuda(cuda.config(), device, isGpu());
    }

    public EngineConfig config() {
        if (!EngineFactory.DEVICES.contains(device)) {
            throw CliFailure.usage(
                    "--device "
                            + device
                            + ": there is no such device; choose one of "
                            + String.join(", ", EngineFactory.DEVICES));
        }
        try {
            return new EngineConfig(
                    device,
                    maxNumSeqs,
                    maxNumBatchedTokens,
                    blockSize == null ? (isGpu() ? 64 : 16) : blockSize,
                    kvCacheBytes(),
                    maxModelLen,
                    !noPrefixCaching,
                    threads == null ? Runtime.getRuntime().availableProcessors() : threads,
                    new Numerics(weights, batchInvariant, kvCache.onHost(device, isGpu())),
                    tiers.tiers(isGpu(), !noPrefixCaching),
                    speculation.speculation(Speculation.Mode.AUTO));
        } catch (IllegalArgumentException e) {
            throw CliFailure.usage(e.getMessage());
        }
    }

    private boolean isGpu() {
        return device.equals("cuda") || device.equals("auto") && CudaDevices.hasDriver();
    }

    private long kvCacheBytes() {
        if (kvCacheMb != null) {
            return (long) kvCacheMb << 20;
        }
        return isGpu() ? Long.MAX_VALUE : DEFAULT_KV_CACHE_BYTES;
    }
}
