package dev.millrace.engine.model;

import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.Buffer;
import dev.millrace.engine.backend.KvStore;
import dev.millrace.engine.kvcache.KvLayout;
import dev.millrace.engine.sampling.RowSampler;
import dev.millrace.engine.sampling.SampleRow;
import dev.millrace.engine.sampling.SampledToken;
import java.util.ArrayList;
import java.util.List;

/**
 * A pre-norm transformer decoder over a device's ops; what differs between model families is data in
 * {@link ModelWeights}. One thread calls everything. All buffers are taken once, for the largest step.
 */
public final class DecoderModel implements ModelExecutor {
    private final Backend backend;
    private final ModelConfig config;
    private final ModelWeights weights;
    private final ModelCapacity capacity;
    private final RowSampler sampler;
    private final KvStore kv;

    private final Buffer residual;
    private final Buffer hidden;
    private final Buffer delta;
    private final Buffer qkv;
    private final Buffer attended;
    private final Buffer gateUp;
    private final Buffer activated;
    private final Buffer logitHidden;
    private final Buffer logits;
    private final int[] logitRows;
    private final float[] hostLogits;

    DecoderModel(Backend backend, ModelConfig config, ModelWeights weights, ModelCapacity capacity, RowSampler sampler) {
        this.backend = backend;
        this.config = config;
        this.weights = weights;
        this.capacity = capacity;
        this.sampler = sampler;
        kv = backend.allocateKv(capacity.kvLayout());
        int tokens = capacity.maxNumBatchedTokens();
        boolean hasDenseLayers = config.layers().stream().anyMatch(layer -> !layer.hasExperts());
        residual = backend.allocate(tokens, config.hiddenSize());
        hidden = backend.allocate(tokens, config.hiddenSize());
        delta = backend.allocate(tokens, config.hiddenSize());
        qkv = backend.allocate(tokens, (config.numQueryHeads() + 2 * config.numKvHeads()) * config.headDim());
        attended = backend.allocate(tokens, config.numQueryHeads() * config.headDim());
        gateUp = hasDenseLayers ? backend.allocate(tokens, 2 * config.intermediateSize()) : null;
        activated = hasDenseLayers ? backend.allocate(tokens, config.intermediateSize()) : null;
        logitHidden = backend.allocate(capacity.maxLogitRows(), config.hiddenSize());
        logits = backend.allocate(capacity.maxLogitRows(), config.vocabSize());
        logitRows = new int[capacity.maxLogitRows()];
        hostLogits = new float[config.vocabSize()];
    }

    private record Done(List<SampledToken> tokens) {}

    @Override
    public Object launch(ForwardInput input, List<SampleRow> rows) {
        check(input, rows);
        forward(input);
        return new Done(sample(input, rows));
    }

    @Override
    public List<SampledToken> complete(Object launched) {
        return ((Done) launched).tokens();
    }

    /** Leaves the final norm's output of the step's tokens in {@link #hidden}. */
    private void forward(ForwardInput input) {
        int rows = input.numTokens;
        float epsilon = config.rmsNormEpsilon();
        backend.embed(weights.embedding(), input, residual);
        Buffer pending = null; // what the block before adds to the residual; the next norm does the adding
        for (int i = 0; i < weights.layers().size(); i++) {
            DecoderLayer layer = weights.layers().get(i);
            backend.addRmsNorm(residual, pending, layer.inputNorm(), epsilon, hidden, rows);
            backend.linear(layer.qkv(), hidden, qkv, rows);
            backend.ropeAndStore(qkv, layer.attention(), layer.qkNormRope(), input, kv, i);
            backend.attention(qkv, layer.attention(), input, kv, i, attended);
            backend.linear(layer.attentionOut(), attended, delta, rows);
            backend.addRmsNorm(residual, delta, layer.postAttentionNorm(), epsilon, hidden, rows);
            if (layer.experts() != null) {
                backend.experts(layer.experts(), hidden, delta, rows);
            } else {
                backend.linear(layer.gateUp(), hidden, gateUp, rows);
                backend.siluMul(gateUp, activated, rows);
                backend.linear(layer.down(), activated, delta, rows);
            }
            pending = delta;
        }
        backend.addRmsNorm(residual, pending, weights.norm(), epsilon, hidden, rows);
    }

    /** Logits of the rows that want a token, a bounded number at a time. */
    private List<SampledToken> sample(ForwardInput input, List<SampleRow> rows) {
        List<SampledToken> tokens = new ArrayList<>(rows.size());
        for (int first = 0; first < rows.size(); first += logitRows.length) {
            int count = Math.min(logitRows.length, rows.size() - first);
            System.arraycopy(input.logitRows, first, logitRows, 0, count);
            backend.gather(hidden, logitRows, count, logitHidden);
            backend.linear(weights.head(), logitHidden, logits, count);
            for (int i = 0; i < count; i++) {
                backend.read(logits, i, hostLogits);
                tokens.add(sampler.sample(hostLogits, rows.get(first + i)));
            }
        }
        return tokens;
    }

    /** A device would read outside its tables; here the fault is still named. */
    private void check(ForwardInput input, List<SampleRow> rows) {
        if (input.numTokens < 1 || input.numTokens > capacity.maxNumBatchedTokens() || rows.size() != input.numLogitRows) {
            throw new IllegalArgumentException("a step of " + input.numTokens + " tokens (at most " + capacity.maxNumBatchedTokens()
                    + "), " + rows.size() + " sample rows for " + input.numLogitRows + " logit rows");
        }
        for (int t = 0; t < input.numTokens; t++) {
            int token = input.tokenIds[t];
            int position = input.positions[t];
            if (token < 0 || token >= config.vocabSize() || position < 0 || position >= capacity.maxModelLen()) {
                throw new IllegalArgumentException("token " + token + " at position " + position + ": the vocabulary has "
                        + config.vocabSize() + " tokens and a sequence at most " + capacity.maxModelLen() + " positions");
            }
        }
    }

    @Override
    public KvLayout kvLayout() {
        return capacity.kvLayout();
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
