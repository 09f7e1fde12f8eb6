package dev.millrace.engine.scheduler;

import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.SamplingParams;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;

/** Backlogs for a {@link BacklogRun}, from a seed. */
final class Backlogs {
    private Backlogs() {}

    /** Jobs over so many prefixes, equally many each, in random order. */
    static List<EngineRequest> shared(
            long seed, int jobs, int prefixes, int prefixTokens, int outputTokens) {
        SplittableRandom random = new SplittableRandom(seed);
        int[][] shared = new int[prefixes][];
        Arrays.setAll(shared, i -> tokens(random, prefixTokens));
        List<EngineRequest> requests = new ArrayList<>();
        for (int i = 0; i < jobs; i++) {
            int[] prompt = joined(shared[i % prefixes], tokens(random, 20));
            requests.add(new EngineRequest(i, prompt, output(outputTokens, List.of()), 0));
        }
        Collections.shuffle(requests, new Random(seed));
        return requests;
    }

    /** Two levels: each system prompt is shared by several documents, each document by jobs. */
    static List<EngineRequest> nested(long seed, int jobs, int systems, int documentsEach) {
        SplittableRandom random = new SplittableRandom(seed);
        List<int[]> shared = new ArrayList<>();
        for (int s = 0; s < systems; s++) {
            int[] system = tokens(random, 128);
            for (int d = 0; d < documentsEach; d++) {
                shared.add(joined(system, tokens(random, 128)));
            }
        }
        List<EngineRequest> requests = new ArrayList<>();
        for (int i = 0; i < jobs; i++) {
            int[] prompt = joined(shared.get(i % shared.size()), tokens(random, 20));
            requests.add(new EngineRequest(i, prompt, output(4, List.of()), 0));
        }
        Collections.shuffle(requests, new Random(seed));
        return requests;
    }

    /**
     * Eight tasks with the same limit, {@code limit}; seven of them stop by themselves after some
     * fifteen tokens, the eighth, every fiftieth job, goes on to the limit.
     */
    static List<EngineRequest> fewLong(long seed, int jobs, int limit) {
        SplittableRandom random = new SplittableRandom(seed);
        int[][] shared = new int[8][];
        Arrays.setAll(shared, i -> tokens(random, 64));
        List<EngineRequest> requests = new ArrayList<>();
        for (int i = 0; i < jobs; i++) {
            boolean isLong = i % 50 == 0;
            int[] prompt = joined(shared[isLong ? 7 : i % 7], tokens(random, 20));
            SamplingParams params =
                    output(limit, isLong ? List.of() : List.of(1, 2, 3, 4, 6));
            requests.add(new EngineRequest(i, prompt, params, 0));
        }
        Collections.shuffle(requests, new Random(seed));
        return requests;
    }

    static int[] tokens(SplittableRandom random, int count) {
        return random.ints(count, 1, SimulatedExecutor.VOCAB_SIZE).toArray();
    }

    static int[] joined(int[] first, int[] second) {
        int[] all = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, all, first.length, second.length);
        return all;
    }

    /** Goes on after an end of text. */
    static SamplingParams output(int limit, List<Integer> stopTokens) {
        return new SamplingParams(
                limit, 0, 1, 0, 0, 1, 0, 0, Map.of(), -1, List.of(), stopTokens, 1, 0, true, true);
    }
}
