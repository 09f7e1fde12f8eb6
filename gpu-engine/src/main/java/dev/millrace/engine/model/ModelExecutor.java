package dev.millrace.engine.model;

import dev.millrace.engine.kvcache.KvLayout;
import dev.millrace.engine.sampling.SampleRow;
import dev.millrace.engine.sampling.SampledToken;
import java.util.List;

/**
 * Runs steps of one model on one device. {@code launch} may return before the device is done and {@code complete}
 * waits, so that the host can schedule the next step meanwhile; at most two steps are under way. A device of the host
 * does all its work in {@code launch}.
 */
public interface ModelExecutor extends AutoCloseable {

    KvLayout kvLayout();

    int vocabSize();

    int maxModelLen();

    /**
     * Starts a step.
     *
     * @param rows one per entry of {@code input.logitRows}, in the same order: how to choose the token there
     * @return a handle for {@link #complete}
     */
    Object launch(ForwardInput input, List<SampleRow> rows);

    /** Waits for a step; the chosen tokens in the order of its rows. */
    List<SampledToken> complete(Object launched);

    @Override
    void close();
}
