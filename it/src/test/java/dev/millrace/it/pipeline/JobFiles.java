package dev.millrace.it.pipeline;

import dev.millrace.ingest.submit.JobSubmitter;
import dev.millrace.ingest.submit.SubmitConfig;
import dev.millrace.ingest.submit.SubmitListener;
import dev.millrace.ingest.submit.SubmitReport;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Files of request lines for the echo engine. */
public final class JobFiles {
    private JobFiles() {}

    /** Lines of which the first is broken JSON and the second has a field that nobody knows. */
    public static Path write(Path file, int lines) throws IOException {
        List<String> text = new ArrayList<>();
        text.add("{\"custom_id\": \"broken\", ");
        text.add(line("unknown", "\"temprature\": 1, "));
        for (int i = 2; i < lines; i++) {
            text.add(line("line-" + i, ""));
        }
        return Files.write(file, text);
    }

    /** Publishes a file as one run of a submitter. */
    public static SubmitReport submit(Map<String, Object> clientProperties, Path file, String batch)
            throws IOException, InterruptedException {
        SubmitConfig config =
                SubmitConfig.defaults(clientProperties, batch, UUID.randomUUID().toString());
        try (JobSubmitter submitter = new JobSubmitter(config, InstantSource.system());
                InputStream in = Files.newInputStream(file)) {
            return submitter.submit(in, file.toString(), SubmitListener.NONE);
        }
    }

    private static String line(String customId, String extra) {
        return "{\"custom_id\": \""
                + customId
                + "\", \"method\": \"POST\", \"url\": \"/v1/chat/completions\", \"body\":"
                + " {\"model\": \""
                + EchoEngine.MODEL
                + "\", "
                + extra
                + "\"messages\": [{\"role\": \"user\", \"content\": \""
                + customId
                + "\"}]}}";
    }
}
