package dev.millrace.engine.model;

import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.Buffer;
import dev.millrace.engine.backend.Linear;
import dev.millrace.engine.backend.TokenChooser;
import dev.millrace.engine.sampling.RowSampler;
import dev.millrace.engine.sampling.SampleRow;
import dev.millrace.engine.sampling.SampledToken;

import java.util.ArrayList;
import java.util.List;

/**
 * Chooses tokens on the host, for devices that leave it to the host; does all its work at launch, so
 * that there is one step under way at most.
 */
final class HostChooser implements TokenChooser {
    private final Backend backend;
    private final Linear head;
    private final RowSampler sampler;
    private final Buffer logitHidden;
    private final Buffer logits;
    private final int[] logitRows;
    private final float[] hostLogits;

    /** What was chosen at the last launch */
    private final List<SampledToken> tokens = new ArrayList<>();

    /**
     * @param maxRows rows of logits computed at a time; a step that wants more takes turns
     */
    HostChooser(Backend backend, Linear head, int maxRows, RowSampler sampler) {
        this.backend = backend;
        this.head = head;
        this.sampler = sampler;
        logitHidden = backend.allocate(maxRows, head.inFeatures());
        logits = backend.allocate(maxRows, head.outFeatures());
        logitRows = new int[maxRows];
        hostLogits = new float[head.outFeatures()];
    }

    @Override
    public Object launch(Buffer hidden, ForwardInput input, List<SampleRow> rows) {
        tokens.clear();
        for (int first = 0; first < rows.size(); first += logitRows.length) {
            int count = Math.min(logitRows.length, rows.size() - first);
            System.arraycopy(input.logitRows, first, logitRows, 0, count);
            backend.gather(hidden, logitRows, count, logitHidden);
            backend.linear(head, logitHidden, logits, count);
            for (int i = 0; i < count; i++) {
                backend.read(logits, i, hostLogits);
                tokens.add(sampler.sample(hostLogits, rows.get(first + i)));
            }
        }
        return tokens;
    }

    @Override
    public List<SampledToken> complete(Object launched) {
        return tokens;
    }
}
