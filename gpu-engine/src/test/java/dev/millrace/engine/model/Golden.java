package dev.millrace.engine.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import dev.millrace.engine.backend.WeightReader;
import dev.millrace.engine.backend.WeightTensor.DType;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * What the reference implementation says for one tiny checkpoint; goldens/README.md tells what each
 * file is.
 */
record Golden(Path modelDir, List<Case> cases) {

    /**
     * @param greedy the continuation of the prompt
     * @param logprobs of the tokens of greedy
     * @param topTokenIds [greedy][5] best first
     * @param topLogprobs theirs
     * @param logits [prompt + greedy - 1][vocabulary] after every position
     * @param rougherRms distance to a rougher computation, root mean square over all logits
     * @param rougherMax the same, largest
     */
    record Case(
            int[] prompt,
            int[] greedy,
            double[] logprobs,
            int[][] topTokenIds,
            double[][] topLogprobs,
            float[][] logits,
            double rougherRms,
            double rougherMax) {}

    /** Every folder that holds a checkpoint. */
    static List<Path> modelDirs() {
        try (Stream<Path> folders = Files.list(root())) {
            return folders.filter(folder -> Files.exists(folder.resolve("config.json")))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    static Path root() {
        try {
            return Path.of(Golden.class.getResource("/goldens").toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * The cases for a device that does not round activations to FP8: golden-w8a16 where there is
     * one.
     */
    static Golden read(Path modelDir) throws IOException {
        boolean unrounded = Files.exists(modelDir.resolve("golden-w8a16.json"));
        return read(modelDir, unrounded ? "golden-w8a16" : "golden");
    }

    /** The cases for a device that rounds the activations of FP8 layers too. */
    static Golden readFp8(Path modelDir) throws IOException {
        return read(modelDir, "golden");
    }

    private static Golden read(Path modelDir, String stem) throws IOException {
        JsonNode json = new ObjectMapper().readTree(modelDir.resolve(stem + ".json").toFile());
        List<Case> cases = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            SafetensorsFile tensors =
                    SafetensorsFile.open(modelDir.resolve(stem + ".safetensors"), arena);
            for (JsonNode node : json.get("cases")) {
                cases.add(parse(node, tensors.tensors().get("case" + cases.size() + ".logits")));
            }
        }
        return new Golden(modelDir, cases);
    }

    private static Case parse(JsonNode node, SafetensorsFile.Tensor logits) {
        int rows = (int) logits.shape()[0];
        int vocabSize = (int) logits.shape()[1];
        float[][] values = new float[rows][vocabSize];
        for (int row = 0; row < rows; row++) {
            WeightReader.readElements(
                    logits.data(), DType.F32, (long) row * vocabSize, vocabSize, values[row]);
        }
        JsonNode top = node.get("top");
        int[][] ids = new int[top.size()][];
        double[][] logprobs = new double[top.size()][];
        for (int i = 0; i < top.size(); i++) {
            ids[i] = top.get(i).valueStream().mapToInt(pair -> pair.get(0).intValue()).toArray();
            logprobs[i] =
                    top.get(i)
                            .valueStream()
                            .mapToDouble(pair -> pair.get(1).doubleValue())
                            .toArray();
        }
        return new Case(
                node.get("prompt").valueStream().mapToInt(JsonNode::intValue).toArray(),
                node.get("greedy").valueStream().mapToInt(JsonNode::intValue).toArray(),
                node.get("logprobs").valueStream().mapToDouble(JsonNode::doubleValue).toArray(),
                ids,
                logprobs,
                values,
                node.get("rougher_error").get(0).doubleValue(),
                node.get("rougher_error").get(1).doubleValue());
    }
}
