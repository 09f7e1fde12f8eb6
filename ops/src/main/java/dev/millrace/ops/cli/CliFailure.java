package dev.millrace.ops.cli;

import picocli.CommandLine.ExitCode;

import java.io.UncheckedIOException;
import java.util.Optional;

/** A failure that the user can act on: its message is all that is printed. */
public final class CliFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int exitCode;

    private CliFailure(int exitCode, String message, Throwable cause) {
        super(message, cause);
        this.exitCode = exitCode;
    }

    /** The command line or an input file is wrong. */
    public static CliFailure usage(String message) {
        return new CliFailure(ExitCode.USAGE, message, null);
    }

    /** The command could not do its work. */
    public static CliFailure failed(String message) {
        return new CliFailure(ExitCode.SOFTWARE, message, null);
    }

    public static CliFailure failed(String message, Throwable cause) {
        return new CliFailure(ExitCode.SOFTWARE, message, cause);
    }

    /** Throws when a role has ended by a failure. */
    public static void throwIfFailed(String role, Optional<Throwable> failure) {
        if (failure.isPresent()) {
            throw failed(role + " has failed: " + describe(failure.get()), failure.get());
        }
    }

    public int exitCode() {
        return exitCode;
    }

    /**
     * What to tell the user of any failure: the messages of the chain of causes that add something.
     */
    public static String describe(Throwable failure) {
        StringBuilder text = new StringBuilder(oneLine(failure));
        for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
            String message = cause.getMessage();
            if (message != null && text.indexOf(message) < 0) {
                text.append(": ").append(message);
            }
        }
        return text.toString();
    }

    private static String oneLine(Throwable failure) {
        if (failure instanceof UncheckedIOException
                && failure.getCause() != null
                && failure.getCause().toString().equals(failure.getMessage())) {
            return oneLine(failure.getCause());
        }
        String message = failure.getMessage();
        return message == null || message.isBlank() ? failure.getClass().getSimpleName() : message;
    }
}
