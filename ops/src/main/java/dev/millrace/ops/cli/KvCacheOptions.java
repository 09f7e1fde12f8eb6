package dev.millrace.ops.cli;

import dev.millrace.engine.api.KvFormat;
import dev.millrace.engine.backend.cuda.CudaConfig;

import picocli.CommandLine.Option;

/** What keys and values are kept in; the name is vLLM's. */
public final class KvCacheOptions {
    @Option(
            names = "--kv-cache-dtype",
            paramLabel = "TYPE",
            description =
                    "Keys and values: on device cpu bf16 or int8 (half the memory, rounded per token"
                            + " and head; default bf16), on a CUDA device fp8 or bf16 (default fp8).")
    String type;

    /**
     * The host devices' format.
     *
     * @param onGpu whether the device is CUDA's
     */
    KvFormat onHost(String device, boolean onGpu) {
        if (onGpu || device.startsWith("cuda") || type == null) {
            return KvFormat.BF16;
        }
        if (device.equals("scalar")) {
            throw CliFailure.usage("--kv-cache-dtype: device scalar keeps keys and values in F32");
        }
        return switch (type) {
            case "bf16" -> KvFormat.BF16;
            case "int8" -> KvFormat.INT8;
            default ->
                    throw CliFailure.usage(
                            "--kv-cache-dtype takes bf16 or int8 on device cpu, not " + type);
        };
    }

    /** A CUDA device's settings with the format; {@code onGpu} as above. */
    CudaConfig onCuda(CudaConfig config, String device, boolean onGpu) {
        if (type == null || !(onGpu || device.startsWith("cuda"))) {
            return config;
        }
        return switch (type) {
            case "fp8" -> config.withKvFp8(true);
            case "bf16" -> config.withKvFp8(false);
            default ->
                    throw CliFailure.usage(
                            "--kv-cache-dtype takes fp8 or bf16 on a CUDA device, not " + type);
        };
    }
}
