package dev.millrace.engine.bench;

import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.CpuInfo;
import dev.millrace.engine.backend.cpu.CpuBackend;
import dev.millrace.engine.backend.scalar.ScalarBackend;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.Collection;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * Ops of the cpu device, each verified against the oracle and then timed. The default kernels are
 * those of the 110M shape (hidden 768, feed-forward 2048, vocabulary 32,000). To run, compile the
 * tests and, with the module's test class path and the JVM arguments of the POM's {@code jvm.args}:
 *
 * <pre>java … dev.millrace.engine.bench.KernelBenchmark history.jsonl [kernel …]</pre>
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class KernelBenchmark {
    @Param({
        "linear:1:768:1280",
        "linear:64:768:1280",
        "linear:64:768:768",
        "linear:64:768:4096",
        "linear:64:2048:768",
        "linear:64:768:32000",
        "linear:512:768:4096",
        "linear:64:256:768",
        "decode:1:576",
        "decode:64:576",
        "decode-shared:64:576:512",
        "prefill:512",
        "norm:64:768",
        "silu:64:2048",
        "rope:64"
    })
    public String kernel;

    @Param("2")
    public int threads;

    private Backend cpu;
    private KernelCase timed;

    @Setup
    public void verifyFirst() {
        cpu = new CpuBackend(threads);
        timed = KernelCase.of(kernel, cpu);
        try (Backend scalar = new ScalarBackend()) {
            KernelCase oracle = KernelCase.of(kernel, scalar);
            oracle.op().run();
            timed.op().run();
            verify(oracle, scalar);
        }
    }

    private void verify(KernelCase oracle, Backend scalar) {
        float[] expected = new float[oracle.out().cols()];
        float[] actual = new float[oracle.out().cols()];
        double squares = 0;
        double errors = 0;
        for (int row = 0; row < oracle.rows(); row++) {
            scalar.read(oracle.out(), row, expected);
            cpu.read(timed.out(), row, actual);
            for (int col = 0; col < expected.length; col++) {
                squares += (double) expected[col] * expected[col];
                errors += Math.pow(actual[col] - expected[col], 2);
            }
        }
        if (!(squares > 0 && errors < 1e-4 * squares)) {
            throw new IllegalStateException(
                    kernel + " is wrong by " + Math.sqrt(errors / squares) + " of its size");
        }
    }

    @TearDown
    public void close() {
        cpu.close();
    }

    @Benchmark
    public void run() {
        timed.op().run();
    }

    /**
     * Runs kernels and appends a line of JSON for each to a file.
     *
     * @param args the file, docs/perf/history.jsonl, then the kernels; none means all
     */
    public static void main(String[] args) throws RunnerException, IOException {
        ChainedOptionsBuilder options =
                new OptionsBuilder().include(KernelBenchmark.class.getName());
        String[] kernels = Arrays.copyOfRange(args, 1, args.length);
        Collection<RunResult> results =
                new Runner(
                                (kernels.length > 0 ? options.param("kernel", kernels) : options)
                                        .build())
                        .run();
        StringBuilder lines = new StringBuilder();
        for (RunResult result : results) {
            lines.append(line(result)).append('\n');
        }
        Files.writeString(
                Path.of(args[0]), lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        System.out.print(lines);
    }

    private static String line(RunResult result) {
        String kernel = result.getParams().getParam("kernel");
        double nanos = result.getPrimaryResult().getScore();
        try (Backend scalar = new ScalarBackend()) {
            KernelCase shape = KernelCase.of(kernel, scalar);
            return String.format(
                    Locale.ROOT,
                    "{\"date\":\"%s\",\"machine\":\"%s\",\"command\":\"KernelBenchmark %s\","
                            + "\"threads\":%s,\"microseconds\":%.1f,\"rate\":%.1f,\"unit\":\"%s\"}",
                    LocalDate.now(),
                    CpuInfo.field("model name").orElse("unknown"),
                    kernel,
                    result.getParams().getParam("threads"),
                    nanos / 1e3,
                    shape.work() / nanos,
                    shape.unit());
        }
    }
}
