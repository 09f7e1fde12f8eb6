package dev.millrace.ops.gateway;

import java.io.IOException;
import java.time.InstantSource;

/** {@code /v1/batches}. */
final class BatchesApi {
    private static final int LIST_DEFAULT = 20;
    private static final int LIST_MAX = 100;

    private final FileStore files;
    private final BatchStore batches;
    private final BatchKeeper keeper;
    private final Ids ids;
    private final InstantSource clock;

    BatchesApi(
            FileStore files, BatchStore batches, BatchKeeper keeper, Ids ids, InstantSource clock) {
        this.files = files;
        this.batches = batches;
        this.keeper = keeper;
        this.ids = ids;
        this.clock = clock;
    }

    void create(Call call) throws IOException {
        BatchRequest request = BatchRequest.of(call.jsonBody());
        StoredFile input = files.find(call.tenant(), request.inputFileId());
        if (input == null) {
            throw ApiFailure.badRequest(
                    "input_file_id",
                    "file_not_found",
                    "There is no file '" + request.inputFileId() + "'.");
        }
        if (!input.purpose().equals(StoredFile.BATCH)) {
            throw ApiFailure.badRequest(
                    "input_file_id",
                    "invalid_value",
                    "File '"
                            + input.id()
                            + "' has the purpose '"
                            + input.purpose()
                            + "', not 'batch'.");
        }
        call.answer(200, keeper.toJson(create(call, request)));
    }

    /** A new batch, or the one that the same request has created before. */
    private synchronized Batch create(Call call, BatchRequest request) {
        String key = call.idempotencyKey();
        Batch earlier = key == null ? null : batches.findByIdempotencyKey(call.tenant(), key);
        if (earlier != null) {
            if (!earlier.request.equals(request)) {
                throw ApiFailure.conflict(
                        "idempotency_key_reused",
                        "This Idempotency-Key was used for another batch: '" + earlier.id + "'.");
            }
            return earlier;
        }
        Batch batch = new Batch(ids.next(Ids.BATCH), call.tenant(), request, key, clock.instant());
        batches.add(batch);
        keeper.accept(batch.id);
        return batch;
    }

    void list(Call call) throws IOException {
        PageRequest page = PageRequest.of(call.query(), Ids.BATCH, LIST_DEFAULT, LIST_MAX);
        call.answer(200, batches.list(call.tenant(), page).toJson(keeper::toJson));
    }

    void get(Call call) throws IOException {
        call.answer(200, keeper.toJson(require(call)));
    }

    void cancel(Call call) throws IOException {
        Batch batch = require(call);
        keeper.cancel(batch.id);
        call.answer(200, keeper.toJson(batch));
    }

    private Batch require(Call call) {
        return batches.require(call.tenant(), call.path().get(1));
    }
}
