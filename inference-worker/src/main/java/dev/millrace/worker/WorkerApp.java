package dev.millrace.worker;

import dev.millrace.engine.api.LoadedModel;
import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.serde.AvroDeserializer;
import dev.millrace.schemas.serde.AvroSerializer;

import io.micrometer.core.instrument.MeterRegistry;

import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/**
 * A worker: reads {@code ready.<pool>}, lets the engine answer, writes {@code completions}, {@code
 * usage}, {@code dead-letters} and {@code worker-stats}. Wiring and life cycle are here, the work
 * in {@link WorkerLoop}.
 */
public final class WorkerApp implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(WorkerApp.class);
    private static final long IDLE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private final WorkerConfig config;
    private final Supplier<? extends JobEngine> engines;
    private final MeterRegistry meters;
    private final AtomicReference<WorkerState> state = new AtomicReference<>(WorkerState.STARTING);
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private final CountDownLatch stopped = new CountDownLatch(1);
    private volatile boolean isDrainWanted;
    private volatile boolean isCloseWanted;
    private Thread thread;

    /**
     * @param models gives the model once, on the worker's thread; the worker closes its engine
     */
    public WorkerApp(WorkerConfig config, Supplier<LoadedModel> models, MeterRegistry meters) {
        this(meters, config, () -> new LocalJobEngine(models.get()));
    }

    private WorkerApp(
            MeterRegistry meters, WorkerConfig config, Supplier<? extends JobEngine> engines) {
        this.config = config;
        this.engines = engines;
        this.meters = meters;
    }

    /**
     * A worker over any engine.
     *
     * @param engines gives the engine once, on the worker's thread; the worker closes it
     */
    public static WorkerApp over(
            WorkerConfig config, Supplier<? extends JobEngine> engines, MeterRegistry meters) {
        return new WorkerApp(meters, config, engines);
    }

    /** Starts the worker's thread and returns at once. */
    public synchronized void start() {
        if (thread != null) {
            throw new IllegalStateException("worker " + config.workerId() + " was started before");
        }
        thread = Thread.ofPlatform().name("worker-" + config.workerId()).start(this::run);
    }

    /**
     * Takes no more jobs, finishes those inside within the drain timeout, commits, leaves the
     * group. Returns at once.
     */
    public void drain() {
        isDrainWanted = true;
    }

    /** True once the worker has stopped; {@link #failure} says whether by itself. */
    public boolean awaitTermination(Duration timeout) throws InterruptedException {
        return stopped.await(timeout.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Why the worker stopped; empty while it runs, and when it was drained or closed. */
    public Optional<Throwable> failure() {
        return Optional.ofNullable(failure.get());
    }

    public WorkerState state() {
        return state.get();
    }

    /**
     * Stops now: commits what is finished, gives up the rest (it is read again by the next owner),
     * waits for the end.
     */
    @Override
    public void close() {
        isCloseWanted = true;
        synchronized (this) {
            if (thread == null) {
                return;
            }
        }
        try {
            stopped.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        try (Serializer<Object> serializer = new AvroSerializer<>();
                Deserializer<PromptJob> deserializer = new AvroDeserializer<>(PromptJob.class);
                Deserializer<ControlCommand> controls =
                        new AvroDeserializer<>(ControlCommand.class)) {
            serializer.configure(config.clientProperties(), false);
            deserializer.configure(config.clientProperties(), false);
            controls.configure(config.clientProperties(), false);
            try (JobEngine engine = engines.get()) {
                LOG.info(
                        "worker {} serves {} from {}",
                        config.workerId(),
                        engine.modelName(),
                        config.pool());
                work(new WorkerParts(engine, serializer, deserializer, controls, state::get));
            }
        } catch (RuntimeException | Error e) {
            LOG.error("worker {} has failed", config.workerId(), e);
            failure.set(e);
        } finally {
            move(WorkerState.STOPPED);
            stopped.countDown();
        }
    }

    private void work(WorkerParts parts) {
        WorkerLimits limits = WorkerLimits.of(config);
        WorkerContext context =
                new WorkerContext(
                        config, limits, InstantSource.system(), new WorkerMetrics(meters, config));
        WorkerLoop loop = new WorkerLoop(context, parts, new KafkaWorkerClients(config, limits));
        try {
            move(WorkerState.RUNNING);
            while (!isCloseWanted && !loop.isDrained()) {
                if (isDrainWanted && state.get() == WorkerState.RUNNING) {
                    move(WorkerState.DRAINING);
                    loop.drain();
                }
                if (loop.doWork() == 0) {
                    LockSupport.parkNanos(IDLE_NANOS);
                }
            }
            loop.leave();
        } finally {
            // After leave there is nothing left to abandon; after a failure the clients must still
            // be closed.
            loop.abandon();
        }
        LOG.info("worker {} has stopped", config.workerId());
    }

    private void move(WorkerState next) {
        state.updateAndGet(now -> now.moveTo(next));
    }
}
