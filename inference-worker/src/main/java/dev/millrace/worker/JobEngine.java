package dev.millrace.worker;

import dev.millrace.engine.api.EngineStats;
import dev.millrace.schemas.PromptJob;

import java.time.Duration;
import java.util.List;

/**
 * What answers a worker's jobs: the engine in this process ({@link LocalJobEngine}), or a server
 * elsewhere. It takes jobs rather than token ids, because a server tokenizes for itself. One thread
 * owns it and calls everything. A failing job is a value; an exception out of {@link #step} means
 * that the engine is broken and the process must end.
 */
public interface JobEngine extends AutoCloseable {

    /** The model name that jobs ask for. */
    String modelName();

    /** Tells answers apart by checkpoint; null where nobody can tell. */
    String modelFingerprint();

    /**
     * Makes of a job what {@link #submit} takes. Nothing is held for it yet.
     *
     * @param requestId the caller's handle, unique among the requests inside the engine
     * @throws dev.millrace.engine.api.RequestRejectedException when the job can never run here
     */
    JobRequest prepare(PromptJob job, long requestId);

    /**
     * Queues a request.
     *
     * @throws dev.millrace.engine.api.RequestRejectedException when it can never run
     */
    void submit(JobRequest request);

    /** Stops a request wherever it is; it yields no answer. False if it is not known. */
    boolean abort(long requestId);

    /** Like {@link #abort}, and hands back what was made so far; null if nobody can tell. */
    JobAnswer cancel(long requestId);

    /**
     * Like {@link #abort}, and hands back the tokens generated so far, for another worker to go on
     * with.
     *
     * @return token ids by choice; null if there are none, or nobody could go on from them
     */
    default List<int[]> stopForHandOver(long requestId) {
        abort(requestId);
        return null;
    }

    /** Takes back a request that has not begun; false if it is not known or has begun. */
    boolean withdraw(long requestId);

    /** Whether any request is queued or running. */
    boolean hasWork();

    /** Goes on for a moment without waiting for anybody, and returns what has finished. */
    List<JobAnswer> step();

    /**
     * How long the caller may do something else before the next step is worth taking; zero: step at
     * once.
     */
    default Duration restBetweenSteps() {
        return Duration.ZERO;
    }

    /**
     * Why no further jobs should be taken just now, in words for a person; null when they may be.
     */
    default String holdReason() {
        return null;
    }

    /** Counters since start, gauges as of the last step. */
    EngineStats stats();

    /** Requests still inside are lost to the caller. */
    @Override
    void close();
}
