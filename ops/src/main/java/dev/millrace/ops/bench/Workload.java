package dev.millrace.ops.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

/** Kinds of jobs, with the sizes they have unless others are asked for. */
public enum Workload {
    /** One system prompt, and a short text of its own per prompt. */
    SHARED_PREFIX(new Sizes(256, 512, 64, 64)),
    /** Nothing shared; lengths spread as in chats: most are short, some are long. */
    SHAREGPT(new Sizes(256, 0, 160, 160)),
    /** Long prompts, short answers. */
    LONG_PROMPT(new Sizes(16, 0, 2048, 16)),
    /** Short prompts, long answers. */
    LONG_OUTPUT(new Sizes(64, 0, 32, 384)),
    /** Eight system prompts whose first half is the same; prompts come in turns. */
    MIXED_PREFIXES(new Sizes(256, 512, 64, 64));

    private static final int PREFIXES = 8;

    /** Below are the ids of special tokens, in the models of the peers' scripts too. */
    private static final int FIRST_TOKEN = 256;

    private final Sizes defaults;

    Workload(Sizes defaults) {
        this.defaults = defaults;
    }

    /**
     * How large a job is.
     *
     * @param prompts how many
     * @param shared tokens of a shared prefix
     * @param unique tokens of a prompt's own; for sharegpt their mean
     * @param output tokens generated per prompt; for sharegpt their mean
     */
    public record Sizes(int prompts, int shared, int unique, int output) {
        public Sizes {
            if (prompts < 1 || shared < 0 || unique < 1 || output < 1) {
                throw new IllegalArgumentException(
                        "a job needs at least 1 prompt, 1 own token and 1 output token, not "
                                + prompts
                                + " prompts of "
                                + shared
                                + " + "
                                + unique
                                + " tokens and "
                                + output
                                + " output tokens");
            }
        }
    }

    /** A prompt as token ids, and how many tokens are to come. */
    record Prompt(int[] tokens, int output) {}

    /** The workload of a name as the command line has it: lower case, with hyphens. */
    public static Workload of(String label) {
        return Arrays.stream(values())
                .filter(workload -> workload.label().equals(label))
                .findFirst()
                .orElseThrow(
                        () ->
                                new IllegalArgumentException(
                                        "there is no workload "
                                                + label
                                                + "; choose one of "
                                                + Arrays.stream(values())
                                                        .map(Workload::label)
                                                        .collect(Collectors.joining(", "))));
    }

    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    public Sizes defaults() {
        return defaults;
    }

    /** The job of a seed; another seed shares no token run with it. */
    List<Prompt> prompts(Sizes sizes, int vocabulary, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<int[]> prefixes = prefixes(sizes, vocabulary, random);
        List<Prompt> prompts = new ArrayList<>();
        for (int i = 0; i < sizes.prompts(); i++) {
            int[] prefix = prefixes.get(i % prefixes.size());
            int unique = this == SHAREGPT ? spread(sizes.unique(), random) : sizes.unique();
            int output = this == SHAREGPT ? spread(sizes.output(), random) : sizes.output();
            int[] tokens = Arrays.copyOf(prefix, prefix.length + unique);
            fill(tokens, prefix.length, vocabulary, random);
            prompts.add(new Prompt(tokens, output));
        }
        return prompts;
    }

    private List<int[]> prefixes(Sizes sizes, int vocabulary, SplittableRandom random) {
        int[] first = new int[sizes.shared()];
        fill(first, 0, vocabulary, random);
        List<int[]> prefixes = new ArrayList<>(List.of(first));
        while (this == MIXED_PREFIXES && prefixes.size() < PREFIXES) {
            int[] next = first.clone();
            fill(next, next.length / 2, vocabulary, random);
            prefixes.add(next);
        }
        return prefixes;
    }

    private static void fill(int[] tokens, int from, int vocabulary, SplittableRandom random) {
        for (int i = from; i < tokens.length; i++) {
            tokens[i] = random.nextInt(Math.min(FIRST_TOKEN, vocabulary - 1), vocabulary);
        }
    }

    /** Exponentially distributed around a mean, between 4 and 6 times the mean. */
    private static int spread(int mean, SplittableRandom random) {
        double length = -mean * Math.log(1 - random.nextDouble());
        return (int) Math.clamp(Math.round(length), Math.min(4, mean), 6L * mean);
    }
}
