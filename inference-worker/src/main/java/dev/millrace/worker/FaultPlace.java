package dev.millrace.worker;

import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * Where a defect showed itself, for the log. The message is left out: what fails over a prompt likes
 * to quote it.
 */
final class FaultPlace {
    private static final int FRAMES = 12;

    private FaultPlace() {}

    /** Class and topmost frames of an exception and of its causes. */
    static String of(Throwable fault) {
        StringBuilder text = new StringBuilder();
        for (Throwable each = fault; each != null; each = each.getCause()) {
            text.append(each == fault ? "" : "; caused by ")
                    .append(each.getClass().getName())
                    .append(" at ")
                    .append(frames(each));
        }
        return text.toString();
    }

    private static String frames(Throwable fault) {
        return Arrays.stream(fault.getStackTrace())
                .limit(FRAMES)
                .map(StackTraceElement::toString)
                .collect(Collectors.joining(" < "));
    }
}
