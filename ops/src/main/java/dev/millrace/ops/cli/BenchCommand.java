package dev.millrace.ops.cli;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.api.WeightFormat;
import dev.millrace.engine.backend.cuda.CudaConfig;
import dev.millrace.engine.backend.cuda.CudaDevices;
import dev.millrace.ops.bench.BenchJob;
import dev.millrace.ops.bench.Shape;
import dev.millrace.ops.bench.Workload;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/** {@code millrace bench}: how fast the engine gets through a job. */
@Command(
        name = "bench",
        description = {
            "Measures the engine alone on a made-up job: all prompts at once, greedy, every answer"
                    + " of full length.",
            "Without --model the weights are random, written to a temporary folder. A short job"
                    + " warms up first and is not counted.",
            "",
            "To see it beside other engines: ops/compare. Examples:",
            "  millrace bench --workload shared-prefix --weights int8 --json out.json",
            "  millrace bench --shape 1b --single-stream",
            "  millrace bench --write-model DIR --write-prompts DIR/prompts",
            ""
        })
public final class BenchCommand implements Callable<Integer> {
    @Option(
            names = "--workload",
            defaultValue = "shared-prefix",
            description =
                    "shared-prefix, sharegpt, long-prompt, long-output or mixed-prefixes (default"
                            + " ${DEFAULT-VALUE}).")
    String workload;

    @Option(
            names = "--shape",
            description = "Shape of the random model: tiny, 110m or 1b (default 110m).")
    String shape;

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description = "Weights of this checkpoint folder instead.")
    Path model;

    @Option(names = "--prompts", paramLabel = "N", description = "How many prompts.")
    Integer prompts;

    @Option(names = "--shared", paramLabel = "N", description = "Tokens of a shared prefix.")
    Integer shared;

    @Option(names = "--unique", paramLabel = "N", description = "Tokens of a prompt's own.")
    Integer unique;

    @Option(names = "--output", paramLabel = "N", description = "Tokens generated per prompt.")
    Integer output;

    @Option(
            names = "--single-stream",
            description =
                    "One request at a time instead: prefill of 512 tokens, then decode of 64, in"
                            + " tokens per second.")
    boolean singleStream;

    @Option(
            names = "--weights",
            defaultValue = "bf16",
            description = "bf16 or int8 (default ${DEFAULT-VALUE}).")
    WeightFormat weights;

    @Option(
            names = "--batch-invariant",
            description =
                    "A request's answer is the same bits whatever runs beside it.")
    boolean batchInvariant;

    @Mixin KvCacheOptions kvCache = new KvCacheOptions();

    @Mixin SpeculationOptions speculation = new SpeculationOptions();

    @Option(names = "--device", defaultValue = "cpu", description = "Default: ${DEFAULT-VALUE}.")
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
            names = "--kv-cache-mb",
            paramLabel = "MIB",
            description = "Memory for the KV cache in MiB (default: 1024).")
    Integer kvCacheMb;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Threads of the device (default: the machine's cores).")
    Integer threads;

    @Option(
            names = "--repeat",
            paramLabel = "N",
            defaultValue = "3",
            description = "Counted runs, each with new prompts (default ${DEFAULT-VALUE}).")
    int repeat;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Of weights and prompts (default ${DEFAULT-VALUE}).")
    long seed;

    @Option(names = "--json", paramLabel = "OUT", description = "Write the figures to this file.")
    Path json;

    @Option(
            names = "--answers",
            paramLabel = "OUT.jsonl",
            description = "Write the last run's generated tokens to this file.")
    Path answers;

    @Option(
            names = "--write-model",
            paramLabel = "DIR",
            description =
                    "Run nothing; write the random model as a Hugging Face folder that any engine"
                            + " loads.")
    Path writeModel;

    @Option(
            names = "--write-prompts",
            paramLabel = "DIR",
            description =
                    "Run nothing; write the prompts of the warm-up and of each run as OpenAI batch"
                            + " lines of token ids.")
    Path writePrompts;

    @Spec CommandSpec spec;

    @Mixin TierOptions tiers = new TierOptions();

    @Override
    public Integer call() throws IOException {
        Logs.quiet();
        try {
            carryOut(new BenchJob(model(), kind(), config(), cuda(), repeat, seed));
        } catch (IllegalArgumentException e) {
            throw CliFailure.usage(e.getMessage());
        }
        return 0;
    }

    private void carryOut(BenchJob job) throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        if (writeModel != null) {
            job.writeModel(out, writeModel);
        }
        if (writePrompts != null) {
            job.writePrompts(out, writePrompts);
        }
        if (writeModel == null && writePrompts == null) {
            job.run(out, new BenchJob.Target(json, answers));
        }
    }

    private BenchJob.Model model() {
        if (model != null && shape != null) {
            throw new IllegalArgumentException("choose one of --model and --shape");
        }
        Shape random = Shape.of(shape == null ? "110m" : shape);
        return new BenchJob.Model(model, model == null ? random : null);
    }

    private BenchJob.Kind kind() {
        Workload chosen = Workload.of(workload);
        Workload.Sizes sizes = chosen.defaults();
        return new BenchJob.Kind(
                chosen,
                new Workload.Sizes(
                        or(prompts, sizes.prompts()),
                        or(shared, sizes.shared()),
                        or(unique, sizes.unique()),
                        or(output, sizes.output())),
                singleStream);
    }

    private EngineConfig config() {
        return new EngineConfig(
                device,
                maxNumSeqs,
                maxNumBatchedTokens,
                EngineConfig.defaults(device).blockSize(),
                (long) or(kvCacheMb, 1024) << 20,
                0,
                true,
                or(threads, Runtime.getRuntime().availableProcessors()),
                new Numerics(weights, batchInvariant, kvCache.onHost(device, isGpu())),
                tiers.tiers(false, true),
                speculation.speculation(Speculation.Mode.OFF));
    }

    private CudaConfig cuda() {
        return kvCache.onCuda(CudaConfig.defaults(), device, isGpu());
    }

    private boolean isGpu() {
        return device.equals("auto") && CudaDevices.hasDriver();
    }

    private static int or(Integer given, int otherwise) {
        return given == null ? otherwise : given;
    }
}
