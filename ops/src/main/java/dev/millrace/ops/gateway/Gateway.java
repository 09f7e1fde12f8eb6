package dev.millrace.ops.gateway;

import dev.millrace.ops.http.HttpPort;

import io.micrometer.core.instrument.MeterRegistry;

import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * OpenAI's Batch API: files and batches of tenants, over the pipeline that its client properties
 * lead to. What was under way when it stopped goes on when it starts again.
 */
public final class Gateway implements AutoCloseable {
    private static final long SWEEP_SECONDS = 60;

    private final FileStore files;
    private final BatchStore batches;
    private final BatchKeeper keeper;
    private final StallGuard guard;
    private final GatewayHandler handler;
    private final ScheduledExecutorService sweeper =
            Executors.newSingleThreadScheduledExecutor(
                    Thread.ofPlatform().daemon().name("gateway-sweep").factory());

    /**
     * Opens the folder; answers nothing yet.
     *
     * @throws IllegalStateException when another gateway uses the folder
     */
    public Gateway(GatewayConfig config, ApiKeys keys, MeterRegistry metrics, InstantSource clock) {
        Ids ids = new Ids(clock);
        this.files = new FileStore(config.dir(), clock);
        this.batches = new BatchStore(config.dir());
        this.keeper = new BatchKeeper(config, files, batches, ids, clock);
        this.guard = new StallGuard(config.stallTimeout());
        UploadApi upload = new UploadApi(config, files, ids, clock);
        FilesApi file = new FilesApi(files, this::readBy);
        BatchesApi batch = new BatchesApi(files, batches, keeper, ids, clock);
        ModelsApi model = new ModelsApi(keeper::models, clock.instant().getEpochSecond());
        this.handler =
                new GatewayHandler(keys, guard, metrics)
                        .on("GET", "files", file::list)
                        .on("POST", "files", upload::post)
                        .on("GET", "files/*", file::get)
                        .on("DELETE", "files/*", file::delete)
                        .on("GET", "files/*/content", file::content)
                        .on("GET", "batches", batch::list)
                        .on("POST", "batches", batch::create)
                        .on("GET", "batches/*", batch::get)
                        .on("POST", "batches/*/cancel", batch::cancel)
                        .on("GET", "models", model::list)
                        .on("GET", "models/*", model::get);
    }

    /** Goes on with what was under way and answers at {@code /v1} of a port. */
    public Gateway start(HttpPort port) {
        keeper.start();
        Predicate<String> needed = id -> readBy(id) != null;
        sweeper.scheduleWithFixedDelay(
                () -> files.deleteExpired(needed), 0, SWEEP_SECONDS, TimeUnit.SECONDS);
        port.mount(GatewayHandler.ROOT, handler);
        return this;
    }

    /** Why it does not work yet, or null when it does. */
    public String notReady() {
        return keeper.isCaughtUp() ? null : "gateway is reading the batches topic";
    }

    /** The batch that still reads a file, or null. */
    private String readBy(String fileId) {
        List<String> readers =
                batches.ids(b -> b.readsInput() && b.request.inputFileId().equals(fileId));
        return readers.isEmpty() ? null : readers.getFirst();
    }

    /** Stops the background; close the port first. */
    @Override
    public void close() {
        sweeper.shutdownNow();
        keeper.close();
        guard.close();
        files.close();
    }
}
