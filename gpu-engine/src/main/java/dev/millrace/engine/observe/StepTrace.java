package dev.millrace.engine.observe;

import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.scheduler.ScheduledStep;
import dev.millrace.engine.scheduler.Sequence;
import dev.millrace.engine.scheduler.StepListener;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

/**
 * One JSON line per step: enough to replay the schedule, and nothing of what was said.
 *
 * <pre>
 * {"step":7,"tokens":19,"run":[[4,0,16,18],[5,0,80,1]],"admitted":[[4,0]],"preempted":[],"finished":[5]}
 * </pre>
 *
 * {@code run} holds [request id, choice, first position, count] in the order of the step, and
 * where some of these were guesses also [.., guesses, of these right]; {@code
 * admitted} and {@code preempted} hold [request id, choice]; {@code finished} holds request ids.
 */
public final class StepTrace implements StepListener {
    private final Appendable out;
    private final StringBuilder line = new StringBuilder();

    /**
     * @param out closed by its owner
     */
    public StepTrace(Appendable out) {
        this.out = out;
    }

    @Override
    public void completed(ScheduledStep step, List<EngineResult> finished) {
        line.setLength(0);
        line.append("{\"step\":")
                .append(step.number())
                .append(",\"tokens\":")
                .append(step.numTokens())
                .append(",\"run\":[");
        for (int i = 0; i < step.size(); i++) {
            comma(i).append('[');
            name(step.sequence(i))
                    .append(',')
                    .append(step.start(i))
                    .append(',')
                    .append(step.count(i));
            if (step.drafted(i) > 0) {
                line.append(',').append(step.drafted(i)).append(',').append(step.accepted(i));
            }
            line.append(']');
        }
        names("],\"admitted\":[", step.admitted());
        names("],\"preempted\":[", step.preempted());
        line.append("],\"finished\":[");
        for (int i = 0; i < finished.size(); i++) {
            comma(i).append(finished.get(i).requestId());
        }
        line.append("]}\n");
        try {
            out.append(line);
        } catch (IOException e) {
            throw new UncheckedIOException("the step trace cannot be written", e);
        }
    }

    private void names(String key, List<Sequence> sequences) {
        line.append(key);
        for (int i = 0; i < sequences.size(); i++) {
            comma(i).append('[');
            name(sequences.get(i)).append(']');
        }
    }

    private StringBuilder name(Sequence sequence) {
        return line.append(sequence.request().request().requestId())
                .append(',')
                .append(sequence.choice());
    }

    private StringBuilder comma(int i) {
        return i == 0 ? line : line.append(',');
    }
}
