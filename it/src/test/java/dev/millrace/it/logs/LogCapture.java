package dev.millrace.it.logs;

import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Configuration;
import org.apache.logging.log4j.core.config.LoggerConfig;
import org.apache.logging.log4j.core.config.Property;
import org.apache.logging.log4j.core.layout.PatternLayout;

import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Everything that is logged in this JVM while it is open, with stack traces: own loggers at every
 * level, others from INFO on, which is more than a shipped configuration shows.
 */
final class LogCapture implements AutoCloseable {
    private static final String OWN = "dev.millrace";

    private final Queue<String> lines = new ConcurrentLinkedQueue<>();
    private final LoggerContext context = (LoggerContext) LogManager.getContext(false);

    LogCapture() {
        Configuration config = context.getConfiguration();
        PatternLayout layout =
                PatternLayout.newBuilder().withPattern("%level %c %msg%n%throwable").build();
        AbstractAppender appender =
                new AbstractAppender("capture", null, layout, false, Property.EMPTY_ARRAY) {
                    @Override
                    public void append(LogEvent event) {
                        lines.add(layout.toSerializable(event));
                    }
                };
        appender.start();
        for (LoggerConfig logger : config.getLoggers().values()) {
            logger.setLevel(logger.getName().startsWith(OWN) ? Level.ALL : Level.INFO);
        }
        // Nobody has to read what is captured.
        config.getRootLogger().getAppenders().keySet().forEach(config.getRootLogger()::removeAppender);
        config.getRootLogger().addAppender(appender, null, null);
        context.updateLoggers();
    }

    /** What was logged so far that holds a text, however it is written. */
    List<String> holding(String text) {
        String wanted = text.toLowerCase();
        return lines.stream().filter(line -> line.toLowerCase().contains(wanted)).toList();
    }

    @Override
    public void close() {
        context.reconfigure();
    }
}
