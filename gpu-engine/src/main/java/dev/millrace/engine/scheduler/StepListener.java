package dev.millrace.engine.scheduler;

import dev.millrace.engine.api.EngineResult;
import java.util.List;

/** Hears of completed steps. */
@FunctionalInterface
public interface StepListener {

    /**
     * @param step what was computed; valid during the call
     * @param finished the requests that ended with it; valid during the call
     */
    void completed(ScheduledStep step, List<EngineResult> finished);
}
