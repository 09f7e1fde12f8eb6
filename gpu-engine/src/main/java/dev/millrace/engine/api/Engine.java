package dev.millrace.engine.api;

import java.util.List;

/**
 * The only door to the engine. One thread owns it and calls everything; nothing here is
 * thread-safe.
 *
 * <p>{@code submit} queues, {@code step} runs one step (schedule, launch, complete) for all queued
 * and running sequences together and hands back what finished in it. A failing request is a value
 * (an {@link EngineResult} with an error); an exception out of {@code step} means that the engine
 * is broken and the process must end.
 */
public interface Engine extends AutoCloseable {

    /**
     * Queues a request.
     *
     * @throws RequestRejectedException when it can never run, for example because prompt and output
     *     exceed the context
     */
    void submit(EngineRequest request);

    /**
     * Queues a request that another engine of the same model had begun with, to go on where that one
     * stopped: what it has generated is computed like a prompt, and the tokens that follow are those
     * that would have followed there. An engine that cannot do so begins anew, with the same result.
     *
     * @param generated tokens by choice, as a cancelled request's result has them; none for a choice
     *     that had none
     * @throws RequestRejectedException when the request can never run
     */
    default void resume(EngineRequest request, List<int[]> generated) {
        submit(request);
    }

    /**
     * Stops a request wherever it is and frees what it holds; it yields no result.
     *
     * @return false if it is not known (never submitted, or finished)
     */
    boolean abort(long requestId);

    /**
     * Like {@link #abort}, and hands back what the request has made so far: its texts as they stand
     * (finish reason {@link FinishReason#ABORT} where one was not at its end) and, as prompt
     * tokens, those that were computed or found in the cache. A request that was never scheduled
     * has neither.
     *
     * @return null if the request is not known, or the engine cannot tell what it has made
     */
    default EngineResult cancel(long requestId) {
        abort(requestId);
        return null;
    }

    /**
     * Takes back a request that has not begun: nothing was computed for it, and it may be submitted
     * again, also under the same id.
     *
     * @return false if it is not known or has begun; it is left as it is then
     */
    default boolean withdraw(long requestId) {
        return false;
    }

    /** Whether any request is queued or running. */
    boolean hasWork();

    /**
     * Runs one step and returns the requests that finished in it; returns at once when there is no
     * work.
     */
    List<EngineResult> step();

    /** Counters and gauges as of the last step. */
    EngineStats stats();

    /** Frees device memory. Requests still inside are lost to the caller. */
    @Override
    void close();
}
