package dev.millrace.engine.scheduler;

import dev.millrace.engine.backend.KvStore;
import dev.millrace.engine.kvcache.KvLayout;
import dev.millrace.engine.model.ForwardInput;
import dev.millrace.engine.model.ModelExecutor;
import dev.millrace.engine.sampling.SampleRow;
import dev.millrace.engine.sampling.SampledToken;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/**
 * A model whose KV slots remember what was stored in them: token, position, and a hash of the whole
 * prefix. Attention walks the block table and checks that every visible slot holds what it should,
 * so a wrong block, a slot given away too early or a prefix hit on something never computed fails
 * at once. The next token is a function of all visible tokens and of the row's random number, so
 * outputs must not depend on the schedule. Most tokens only continue a short cycle, so that what
 * follows can often be guessed.
 */
final class SimulatedExecutor implements ModelExecutor {
    static final int VOCAB_SIZE = 61;
    static final long ROOT = 17;

    /** Tokens of the cycle, which begins with the token of that number. */
    private static final int CYCLE = 6;

    /** Of sixteen tokens so many continue the cycle. */
    private static final int HABIT = 13;

    /** A launched step: the arguments copied, as the contract demands. */
    private record Job(
            int[] tokens,
            int[] positions,
            int[] slots,
            int[] cuSeqlensQ,
            int[] contextLens,
            int[][] blockTables,
            int[] logitRows,
            List<SampleRow> rows) {}

    private final KvLayout layout;
    private final int maxModelLen;
    private final boolean asynchronous;
    private final int[] slotToken;
    private final int[] slotPosition;
    private final long[] slotPrefix;
    private final long[] slotStep;

    /** Queued work in order, steps and copies of blocks; run as late as it may. */
    private final Deque<Runnable> stream = new ArrayDeque<>();

    private final Deque<Job> queue = new ArrayDeque<>();
    private final Deque<List<SampledToken>> results = new ArrayDeque<>();
    private final KvStore kvStore;
    private List<SampledToken> lastSampled = List.of();
    private long step;
    private int invalidFromContext = Integer.MAX_VALUE;
    private boolean agreeable;
    private long tokensComputed;
    private int importShift;
    private boolean settles = true;

    SimulatedExecutor(int numBlocks, int blockSize, int maxModelLen, boolean asynchronous) {
        layout = new KvLayout(numBlocks, blockSize, 1, 1, 1, 1);
        this.maxModelLen = maxModelLen;
        this.asynchronous = asynchronous;
        int slots = numBlocks * blockSize;
        slotToken = new int[slots];
        slotPosition = new int[slots];
        Arrays.fill(slotPosition, -1);
        slotPrefix = new long[slots];
        slotStep = new long[slots];
        kvStore = new Store();
    }

    /** From this context length on the model yields no usable logits. */
    void breakAtContext(int contextLen) {
        invalidFromContext = contextLen;
    }

    /** From now on the model agrees with every guess, whatever it would have said. */
    void agreeWithGuesses() {
        agreeable = true;
    }

    /** From here on imports are of the wrong block. */
    void mixUpImports() {
        importShift = 1;
    }

    /** From here on nobody waits for copies. */
    void forgetToSettle() {
        settles = false;
    }

    /** Tokens computed in all steps. */
    long tokensComputed() {
        return tokensComputed;
    }

    static long extend(long prefix, int token) {
        long h = (prefix ^ token) * 0x9E3779B97F4A7C15L;
        return h ^ (h >>> 31);
    }

    static int nextToken(long prefix, int lastToken, double uniform) {
        long h = extend(prefix, (int) (uniform * (1 << 30)));
        return (h >>> 60) < HABIT
                ? CYCLE + (lastToken + 1) % CYCLE
                : (int) Math.floorMod(h, (long) VOCAB_SIZE);
    }

    @Override
    public boolean isAsynchronous() {
        return asynchronous;
    }

    /** A large model's, so that there is much to guess for. */
    @Override
    public double fixedCostRows() {
        return 8;
    }

    @Override
    public Object launch(ForwardInput input, List<SampleRow> rows) {
        int[][] tables = new int[input.numSeqs][];
        for (int s = 0; s < tables.length; s++) {
            tables[s] =
                    Arrays.copyOf(
                            input.blockTables[s],
                            (input.contextLens[s] + layout.blockSize() - 1) / layout.blockSize());
        }
        Job job =
                new Job(
                        Arrays.copyOf(input.tokenIds, input.numTokens),
                        Arrays.copyOf(input.positions, input.numTokens),
                        Arrays.copyOf(input.slotMapping, input.numTokens),
                        Arrays.copyOf(input.cuSeqlensQ, input.numSeqs + 1),
                        Arrays.copyOf(input.contextLens, input.numSeqs),
                        tables,
                        Arrays.copyOf(input.logitRows, input.numLogitRows),
                        List.copyOf(rows));
        require(rows.size() == input.numLogitRows, "one row per logit row");
        queue.add(job);
        require(
                queue.size() <= (asynchronous ? 2 : 1),
                "too many steps under way: " + queue.size());
        stream.add(() -> results.add(run(job)));
        return job;
    }

    @Override
    public List<SampledToken> complete(Object launched) {
        Job job = queue.remove();
        require(job == launched, "steps complete in the order of their launch");
        while (results.isEmpty()) {
            stream.remove().run();
        }
        return results.remove();
    }

    private List<SampledToken> run(Job job) {
        step++;
        tokensComputed += job.tokens().length;
        store(job);
        for (int s = 0; s < job.contextLens().length; s++) {
            attend(job, s);
        }
        lastSampled = sample(job);
        return lastSampled;
    }

    @Override
    public KvLayout kvLayout() {
        return layout;
    }

    @Override
    public KvStore kvStore() {
        return kvStore;
    }

    @Override
    public int vocabSize() {
        return VOCAB_SIZE;
    }

    @Override
    public int maxModelLen() {
        return maxModelLen;
    }

    @Override
    public void close() {}

    private void store(Job job) {
        for (int s = 0; s < job.contextLens().length; s++) {
            for (int t = job.cuSeqlensQ()[s]; t < job.cuSeqlensQ()[s + 1]; t++) {
                int token = job.tokens()[t];
                if (token < 0) {
                    require(asynchronous, "a token that the host does not know");
                    token = lastSampled.get(-1 - token).tokenId();
                }
                int position = job.positions()[t];
                int slot = job.slots()[t];
                require(
                        slot == slotOf(job, s, position),
                        "slot mapping and block table disagree at position " + position);
                require(slotStep[slot] != step, "slot " + slot + " is written twice in one step");
                slotStep[slot] = step;
                slotToken[slot] = token;
                slotPosition[slot] = position;
                slotPrefix[slot] =
                        extend(
                                position == 0 ? ROOT : slotPrefix[slotOf(job, s, position - 1)],
                                token);
            }
        }
    }

    private void attend(Job job, int s) {
        int start = job.contextLens()[s] - (job.cuSeqlensQ()[s + 1] - job.cuSeqlensQ()[s]);
        require(
                job.positions()[job.cuSeqlensQ()[s]] == start,
                "the first query position follows from lengths");
        long prefix = ROOT;
        for (int position = 0; position < job.contextLens()[s]; position++) {
            int slot = slotOf(job, s, position);
            require(
                    slotPosition[slot] == position,
                    "position " + position + " finds position " + slotPosition[slot]);
            prefix = extend(prefix, slotToken[slot]);
            require(slotPrefix[slot] == prefix, "position " + position + " finds another prefix");
            require(
                    position >= start || slotStep[slot] < step,
                    "position " + position + " is read before it is computed");
        }
    }

    private List<SampledToken> sample(Job job) {
        List<SampledToken> sampled = new ArrayList<>();
        int s = 0;
        for (int r = 0; r < job.logitRows().length; r++) {
            while (job.cuSeqlensQ()[s + 1] <= job.logitRows()[r]) {
                s++;
            }
            SampleRow row = job.rows().get(r);
            int last = job.cuSeqlensQ()[s + 1] - 1;
            int context = job.contextLens()[s] - (last - job.logitRows()[r]);
            require(
                    row.numTokens() == context || (asynchronous && row.numTokens() == context - 1),
                    "a row knows its tokens");
            for (int position = 0; position < row.numTokens(); position++) {
                require(
                        slotToken[slotOf(job, s, position)] == row.tokens()[position],
                        "a row's tokens are those in its slots");
            }
            boolean guessed = job.logitRows()[r] < last;
            int slot = slotOf(job, s, context - 1);
            int token =
                    agreeable && guessed
                            ? job.tokens()[job.logitRows()[r] + 1]
                            : nextToken(slotPrefix[slot], slotToken[slot], row.uniform());
            sampled.add(
                    SampledToken.of(context >= invalidFromContext ? SampledToken.INVALID : token));
        }
        return sampled;
    }

    private int slotOf(Job job, int s, int position) {
        int block = job.blockTables()[s][position / layout.blockSize()];
        return layout.slot(block, position);
    }

    /** Images are what the slots remember: token, position, prefix. */
    private final class Store implements KvStore {
        private static final long SLOT_BYTES = 4 + 4 + 8;

        @Override
        public KvLayout layout() {
            return layout;
        }

        @Override
        public long imageBytes() {
            return SLOT_BYTES * layout.blockSize();
        }

        @Override
        public String imageFormat() {
            return "simulated";
        }

        @Override
        public MemorySegment hostMemory(long bytes) {
            return Arena.ofAuto().allocate(bytes, 64);
        }

        @Override
        public void exportBlock(int block, MemorySegment image) {
            stream.add(
                    () -> {
                        ByteBuffer to = image.asByteBuffer();
                        int first = layout.slot(block, 0);
                        for (int slot = first; slot < first + layout.blockSize(); slot++) {
                            to.putInt(slotToken[slot]).putInt(slotPosition[slot]);
                            to.putLong(slotPrefix[slot]);
                        }
                    });
            runIfSynchronous();
        }

        @Override
        public void importBlock(int block, MemorySegment image) {
            stream.add(
                    () -> {
                        ByteBuffer from = image.asByteBuffer();
                        int wrong = (block + importShift) % layout.numBlocks();
                        int first = layout.slot(wrong, 0);
                        for (int slot = first; slot < first + layout.blockSize(); slot++) {
                            slotToken[slot] = from.getInt();
                            slotPosition[slot] = from.getInt();
                            slotPrefix[slot] = from.getLong();
                        }
                    });
            runIfSynchronous();
        }

        @Override
        public void settle() {
            if (settles) {
                runAll();
            }
        }

        private void runIfSynchronous() {
            if (!asynchronous) {
                runAll();
            }
        }

        private void runAll() {
            while (!stream.isEmpty()) {
                stream.remove().run();
            }
        }
    }

    private static void require(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
