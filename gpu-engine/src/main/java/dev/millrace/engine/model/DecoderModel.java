package dev.millrace.engine.model;

import dev.millrace.engine.api.DeviceTimes;
import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.Buffer;
import dev.millrace.engine.backend.KvStore;
import dev.millrace.engine.backend.TokenChooser;
import dev.millrace.engine.kvcache.KvLayout;
import dev.millrace.engine.sampling.RowSampler;
import dev.millrace.engine.sampling.SampleRow;
import dev.millrace.engine.sampling.SampledToken;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.List;
import java.util.function.IntConsumer;

/**
 * A pre-norm transformer decoder over a device's ops; what differs between model families is data
 * in {@link ModelWeights}. One thread calls everything. All buffers are taken once, for the largest
 * step.
 */
public final class DecoderModel implements ModelExecutor {
    /** Weights of the layers, above which no cache holds them. */
    private static final long LARGE_WEIGHTS = 50_000_000;

    private static final Logger LOG = LoggerFactory.getLogger(DecoderModel.class);

    private final Backend backend;
    private final ModelConfig config;
    private final ModelWeights weights;
    private final ModelCapacity capacity;
    private final TokenChooser chooser;
    private final KvStore kv;

    private final Buffer residual;
    private final Buffer hidden;
    private final Buffer delta;
    private final Buffer qkv;
    private final Buffer attended;
    private final Buffer gateUp;
    private final Buffer activated;
    private final IntConsumer layers = this::forward;

    /** Of the step being launched */
    private ForwardInput input;

    DecoderModel(
            Backend backend,
            ModelConfig config,
            ModelWeights weights,
            ModelCapacity capacity,
            RowSampler sampler) {
        this.backend = backend;
        this.config = config;
        this.weights = weights;
        this.capacity = capacity;
        kv = backend.allocateKv(capacity.kvLayout(), weights.keyScales(), weights.valueScales());
        int tokens = capacity.maxNumBatchedTokens();
        boolean hasDenseLayers = config.layers().stream().anyMatch(layer -> !layer.hasExperts());
        residual = backend.allocate(tokens, config.hiddenSize());
        hidden = backend.allocate(tokens, config.hiddenSize());
        delta = backend.allocate(tokens, config.hiddenSize());
        qkv =
                backend.allocate(
                        tokens,
                        (config.numQueryHeads() + 2 * config.numKvHeads()) * config.headDim());
        attended = backend.allocate(tokens, config.numQueryHeads() * config.headDim());
        gateUp = hasDenseLayers ? backend.allocate(tokens, 2 * config.intermediateSize()) : null;
        activated = hasDenseLayers ? backend.allocate(tokens, config.intermediateSize()) : null;
        TokenChooser ofDevice = backend.chooser(weights.head());
        chooser =
                ofDevice == null
                        ? new HostChooser(backend, weights.head(), capacity.maxLogitRows(), sampler)
                        : ofDevice;
    }

    /**
     * Runs small steps until the device's loops are compiled, where the device is of that kind.
     *
     * @param maxNanos no further step begins after this time
     */
    public void warmUp(long maxNanos) {
        if (!backend.isCompiledAsItRuns()) {
            return;
        }
        long began = System.nanoTime();
        int rounds = WarmUp.run(this, capacity.maxNumBatchedTokens(), System::nanoTime, maxNanos);
        long ms = (System.nanoTime() - began) / 1_000_000;
        LOG.info("warm after {} small rounds in {} ms", rounds, ms);
    }

    @Override
    public Object launch(ForwardInput input, List<SampleRow> rows) {
        check(input, rows);
        this.input = input;
        backend.step(input, layers);
        return chooser.launch(hidden, input, rows);
    }

    @Override
    public List<SampledToken> complete(Object launched) {
        return chooser.complete(launched);
    }

    /**
     * Weights beyond the caches are read from memory once for all rows, so that the first rows are
     * nearly free; experts are read by the rows that chose them. Both values are rounded down from
     * measurements (docs/perf/speculation.md).
     */
    @Override
    public double fixedCostRows() {
        boolean dense = config.layers().stream().noneMatch(layer -> layer.hasExperts());
        long attention = 2L * (config.numQueryHeads() + config.numKvHeads()) * config.headDim();
        long perLayer = config.hiddenSize() * (attention + 3L * config.intermediateSize());
        boolean large = config.numLayers() * perLayer > LARGE_WEIGHTS;
        return dense && large ? 8 : ModelExecutor.super.fixedCostRows();
    }

    @Override
    public boolean isAsynchronous() {
        return backend.isAsynchronous();
    }

    /** Leaves the final norm's output of the step's tokens in {@link #hidden}. */
    private void forward(int rows) {
        backend.embed(weights.embedding(), input, residual);
        Buffer pending =
                null; // what the block before adds to the residual; the next norm does the adding
        for (int i = 0; i < weights.layers().size(); i++) {
            DecoderLayer layer = weights.layers().get(i);
            backend.addRmsNorm(residual, pending, layer.inputNorm(), layer.qkv(), hidden, rows);
            backend.linear(layer.qkv(), hidden, qkv, rows);
            backend.ropeAndStore(qkv, layer.attention(), layer.qkNormRope(), input, kv, i);
            backend.attention(qkv, layer.attention(), input, kv, i, attended);
            backend.linear(layer.attentionOut(), attended, delta, rows);
            backend.addRmsNorm(
                    residual, delta, layer.postAttentionNorm(), layer.gateUp(), hidden, rows);
            if (layer.experts() != null) {
                backend.experts(layer.experts(), hidden, delta, rows);
            } else {
                backend.linear(layer.gateUp(), hidden, gateUp, rows);
                backend.siluMul(gateUp, layer.down(), activated, rows);
                backend.linear(layer.down(), activated, delta, rows);
            }
            pending = delta;
        }
        backend.addRmsNorm(residual, pending, weights.norm(), null, hidden, rows);
    }

    /** A device would read outside its tables; here the fault is still named. */
    private void check(ForwardInput input, List<SampleRow> rows) {
        if (input.numTokens < 1
                || input.numTokens > capacity.maxNumBatchedTokens()
                || rows.size() != input.numLogitRows) {
            throw new IllegalArgumentException(
                    "a step of "
                            + input.numTokens
                            + " tokens (at most "
                            + capacity.maxNumBatchedTokens()
                            + "), "
                            + rows.size()
                            + " sample rows for "
                            + input.numLogitRows
                            + " logit rows");
        }
        for (int t = 0; t < input.numTokens; t++) {
            int token = input.tokenIds[t];
            int position = input.positions[t];
            boolean promised =
                    token < 0 && backend.isAsynchronous(); // a row of the step before chooses it
            if ((token < 0 && !promised)
                    || token >= config.vocabSize()
                    || position < 0
                    || position >= capacity.maxModelLen()) {
                throw new IllegalArgumentException(
                        "token "
                                + token
                                + " at position "
                                + position
                                + ": the vocabulary has "
                                + config.vocabSize()
                                + " tokens and a sequence at most "
                                + capacity.maxModelLen()
                                + " positions");
            }
        }
    }

    @Override
    public DeviceTimes times() {
        return backend.times();
    }

    @Override
    public KvLayout kvLayout() {
        return capacity.kvLayout();
    }

    @Override
    public KvStore kvStore() {
        return kv;
    }

    @Override
    public int vocabSize() {
        return config.vocabSize();
    }

    @Override
    public int maxModelLen() {
        return capacity.maxModelLen();
    }

    @Override
    public void close() {
        backend.close();
    }
}
