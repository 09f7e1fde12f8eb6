package dev.millrace.ops.gateway;

import java.nio.file.Path;
import java.util.List;
import java.util.NavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * The batches that came in here, in a folder. A batch is only looked at and changed under its own
 * lock, and a change is on the disk before it is seen.
 */
final class BatchStore {
    private final RecordFolder<Batch> folder;
    private final NavigableMap<String, Batch> byId = new ConcurrentSkipListMap<>();

    BatchStore(Path dir) {
        folder = new RecordFolder<>(dir.resolve("batches"), Batch.class);
        byId.putAll(folder.readAll());
    }

    /** Adds a new batch. */
    void add(Batch batch) {
        folder.put(batch.id, batch);
        byId.put(batch.id, batch);
    }

    /** A tenant's batch; throws {@link ApiFailure} when there is none. */
    Batch require(String tenant, String id) {
        Batch batch = Ids.isValid(Ids.BATCH, id) ? byId.get(id) : null;
        if (batch == null || !batch.tenant.equals(tenant)) {
            throw ApiFailure.notFound("Batch object", id);
        }
        return batch;
    }

    /** The tenant's batch that a request with this idempotency key has created, or null. */
    Batch findByIdempotencyKey(String tenant, String key) {
        return byId.values().stream()
                .filter(batch -> batch.tenant.equals(tenant) && key.equals(batch.idempotencyKey))
                .findFirst()
                .orElse(null);
    }

    /** Looks at a batch. */
    <R> R read(String id, Function<Batch, R> look) {
        Batch batch = byId.get(id);
        synchronized (batch) {
            return look.apply(batch);
        }
    }

    /** Changes a batch and saves it; what {@code change} throws leaves it to be saved next time. */
    <R> R update(String id, Function<Batch, R> change) {
        Batch batch = byId.get(id);
        synchronized (batch) {
            R result = change.apply(batch);
            folder.put(id, batch);
            return result;
        }
    }

    /** A page of a tenant's batches. */
    Page<Batch> list(String tenant, PageRequest request) {
        return request.pageOf(byId, batch -> batch.tenant.equals(tenant));
    }

    /** Ids of the batches for which something holds, oldest first. */
    List<String> ids(Predicate<Batch> wanted) {
        return byId.keySet().stream().filter(id -> read(id, wanted::test)).toList();
    }
}
