package dev.millrace.engine.model;

import dev.millrace.engine.api.DeviceTimes;
import dev.millrace.engine.backend.KvStore;
import dev.millrace.engine.kvcache.KvLayout;
import dev.millrace.engine.sampling.SampleRow;
import dev.millrace.engine.sampling.SampledToken;

import java.util.List;

/**
 * Runs steps of one model on one device. {@code launch} may return before the device is done and
 * {@code complete} waits, so that the host can schedule the next step meanwhile; at most two steps
 * are under way. A device of the host does all its work in {@code launch}.
 */
public interface ModelExecutor extends AutoCloseable {

    KvLayout kvLayout();

    /** The KV cache's memory, for tiers below it. */
    default KvStore kvStore() {
        throw new UnsupportedOperationException("this model's KV blocks cannot be copied");
    }

    int vocabSize();

    int maxModelLen();

    /**
     * Rows that cost as much as what a step costs whatever its rows: decides where guesses pay. Of a
     * small model, whose weights lie in the processor's caches.
     */
    default double fixedCostRows() {
        return 2;
    }

    /**
     * Whether {@link #launch} returns before the device is done. The engine then launches one step
     * ahead: a token id of -1 - r in its input stands for the token that row r of the step before
     * will choose, and a row's tokens may lack that one.
     */
    default boolean isAsynchronous() {
        return false;
    }

    /**
     * Starts a step. Reads all of its arguments before it returns; the caller then fills them
     * again.
     *
     * @param rows one per entry of {@code input.logitRows}, in the same order: how to choose the
     *     token there
     * @return a handle for {@link #complete}
     */
    Object launch(ForwardInput input, List<SampleRow> rows);

    /** Waits for a step; the chosen tokens in the order of its rows. */
    List<SampledToken> complete(Object launched);

    /** Where the device's time has gone since start. */
    default DeviceTimes times() {
        return DeviceTimes.NONE;
    }

    @Override
    void close();
}
