package dev.millrace.ops.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.millrace.ops.bench.Workload.Prompt;
import dev.millrace.ops.bench.Workload.Sizes;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The prompts of a benchmark, run by run: to be run here, or written for other engines. */
final class JobPrompts {
    /** Token counts of a single stream's three requests; the second is taken off the third. */
    static final int SINGLE_PREFILL = 512;

    static final int SINGLE_DECODE = 64;
    private static final int SINGLE_PROMPT = 8;

    /** Vector loops run slowly until they are compiled, which takes seconds of running them. */
    private static final int SINGLE_WARM_UPS = 8;

    private static final ObjectMapper JSON = new ObjectMapper();

    private final BenchJob.Kind kind;
    private final int vocabulary;
    private final long seed;

    JobPrompts(BenchJob.Kind kind, int vocabulary, long seed) {
        this.kind = kind;
        this.vocabulary = vocabulary;
        this.seed = seed;
    }

    /** A shorter job of the same kind; for a single stream its three requests, several times. */
    List<Prompt> warmUp() {
        if (kind.singleStream()) {
            List<Prompt> prompts = new ArrayList<>();
            for (int i = 1; i <= SINGLE_WARM_UPS; i++) {
                prompts.addAll(single(-seed - i));
            }
            return prompts;
        }
        Sizes sizes = kind.sizes();
        Sizes less =
                new Sizes(
                        Math.min(64, sizes.prompts()),
                        sizes.shared(),
                        sizes.unique(),
                        Math.min(16, sizes.output()));
        return kind.workload().prompts(less, vocabulary, -seed);
    }

    /** The prompts of a counted run; no two runs share a prefix. */
    List<Prompt> run(int index) {
        return kind.singleStream()
                ? single(seed + index)
                : kind.workload().prompts(kind.sizes(), vocabulary, seed + index);
    }

    private List<Prompt> single(long seed) {
        return List.of(
                plain(new Sizes(1, 0, SINGLE_PREFILL, 1), seed),
                plain(new Sizes(1, 0, SINGLE_PROMPT, 1), seed << 20),
                plain(new Sizes(1, 0, SINGLE_PROMPT, SINGLE_DECODE + 1), seed << 40));
    }

    private Prompt plain(Sizes sizes, long seed) {
        return Workload.LONG_PROMPT.prompts(sizes, vocabulary, seed).getFirst();
    }

    /**
     * Writes warm-up.jsonl and run-1.jsonl and so on: OpenAI batch request lines with token ids. A
     * single stream's lines are to be sent one after another.
     */
    void write(Path dir, int runs) throws IOException {
        Files.createDirectories(dir);
        write(dir.resolve("warm-up.jsonl"), warmUp());
        for (int i = 0; i < runs; i++) {
            write(dir.resolve("run-" + (i + 1) + ".jsonl"), run(i));
        }
    }

    private static void write(Path file, List<Prompt> prompts) throws IOException {
        try (BufferedWriter out = Files.newBufferedWriter(file)) {
            for (int i = 0; i < prompts.size(); i++) {
                out.write(line(i, prompts.get(i)).toString());
                out.newLine();
            }
        }
    }

    private static ObjectNode line(int index, Prompt prompt) {
        ObjectNode line =
                JSON.createObjectNode()
                        .put("custom_id", Integer.toString(index))
                        .put("method", "POST")
                        .put("url", "/v1/completions");
        ObjectNode body = line.putObject("body").put("model", "random");
        ArrayNode tokens = body.putArray("prompt");
        for (int token : prompt.tokens()) {
            tokens.add(token);
        }
        body.put("max_tokens", prompt.output()).put("temperature", 0).put("ignore_eos", true);
        return line;
    }
}
