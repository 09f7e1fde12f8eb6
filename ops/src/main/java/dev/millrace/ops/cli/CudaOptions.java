package dev.millrace.ops.cli;

import dev.millrace.engine.backend.cuda.CudaConfig;

import picocli.CommandLine.Option;

/** Settings of the CUDA devices; names are vLLM's. Other devices ignore them. */
public final class CudaOptions {
    @Option(
            names = "--gpu",
            paramLabel = "N",
            defaultValue = "0",
            description = "Which GPU, as nvidia-smi counts (default ${DEFAULT-VALUE}).")
    int gpu;

    @Option(
            names = "--quantization",
            paramLabel = "TYPE",
            defaultValue = "none",
            description =
                    "fp8 rounds an unquantised checkpoint's linears to FP8 when it is loaded onto a"
                            + " CUDA device (default ${DEFAULT-VALUE}).")
    String quantization;

    @Option(
            names = "--gpu-memory-utilization",
            paramLabel = "SHARE",
            defaultValue = "0.9",
            description = "Share of a GPU's memory to use, weights and all (default ${DEFAULT-VALUE}).")
    double memoryShare;

    /** The defaults. */
    static CudaOptions defaults() {
        CudaOptions options = new CudaOptions();
        options.quantization = "none";
        options.memoryShare = 0.9;
        return options;
    }

    CudaConfig config() {
        oneOf("--quantization", quantization, "none", "fp8");
        try {
            return CudaConfig.defaults()
                    .withDeviceIndex(gpu)
                    .withQuantizedWeights(quantization.equals("fp8"))
                    .withMemoryShare(memoryShare);
        } catch (IllegalArgumentException e) {
            throw CliFailure.usage(e.getMessage());
        }
    }

    private static void oneOf(String option, String value, String first, String second) {
        if (!value.equals(first) && !value.equals(second)) {
            throw CliFailure.usage(option + " takes " + first + " or " + second + ", not " + value);
        }
    }
}
