package dev.millrace.it.pipeline;

import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.Topics;
import dev.millrace.worker.WorkerApp;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/** A whole installation with an echoing worker, for tests of what looks at one from outside. */
public final class EchoInstallation implements AutoCloseable {
    /** In every prompt, so that a place where no prompt may be can be searched for it. */
    public static final String SECRET_OF_PROMPTS = "xylophone-7731";

    private final TestKafka kafka;
    private final Installation installation;
    private WorkerApp worker;

    public EchoInstallation(Path dir) throws Exception {
        kafka = TestKafka.inProcess(dir.resolve("kafka"));
        installation = new Installation(kafka, dir);
    }

    public Map<String, Object> properties() {
        return installation.properties();
    }

    /** Publishes a batch, and one record that nobody can read. */
    public void publish(String batch, String tenant, int count) {
        try (Jobs jobs = new Jobs(properties())) {
            for (int i = 0; i < count; i++) {
                PromptJob job = Jobs.job(batch, i);
                job.setTenant(tenant);
                job.getMessages().getFirst().setContent(SECRET_OF_PROMPTS + " " + i);
                jobs.publish(Topics.PROMPTS, job);
            }
            jobs.publishBytes(
                    Topics.PROMPTS,
                    "poison",
                    ("no avro " + SECRET_OF_PROMPTS).getBytes(StandardCharsets.UTF_8));
            jobs.flush();
        }
    }

    public void startWorker() {
        worker = installation.worker("echo-1", () -> EchoEngine.model(7, 20, content -> {}));
    }

    /**
     * Kafka goes away under those who watch it. The roles end before: in closing they would wait for it
     * until their transactions time out.
     */
    public void stopKafka() throws Exception {
        endRoles();
        kafka.close();
    }

    @Override
    public void close() throws Exception {
        endRoles();
        kafka.close();
    }

    private void endRoles() throws Exception {
        if (worker != null) {
            worker.close();
            worker = null;
        }
        installation.close();
    }
}
