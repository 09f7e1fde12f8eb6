package dev.millrace.ops.gateway;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;

import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import java.util.function.Function;

/** {@code /v1/files} apart from uploads: list, look, download, delete. */
final class FilesApi {
    private static final int LIST_DEFAULT = 10_000;
    private static final int LIST_MAX = 10_000;

    private final FileStore files;
    private final Function<String, String> readBy;

    /**
     * @param readBy the id of a batch that still reads a file, by the file's id; null for none
     */
    FilesApi(FileStore files, Function<String, String> readBy) {
        this.files = files;
        this.readBy = readBy;
    }

    void list(Call call) throws IOException {
        Map<String, String> query = call.query();
        String purpose = query.get("purpose");
        PageRequest page = PageRequest.of(query, Ids.FILE, LIST_DEFAULT, LIST_MAX);
        call.answer(
                200,
                files.list(
                                call.tenant(),
                                page,
                                file -> purpose == null || file.purpose().equals(purpose))
                        .toJson(StoredFile::toJson));
    }

    void get(Call call) throws IOException {
        call.answer(200, require(call).toJson());
    }

    void content(Call call) throws IOException {
        StoredFile file = require(call);
        try (InputStream content = files.open(file.id())) {
            call.setHeader("Content-Type", "application/octet-stream");
            call.setHeader(
                    "Content-Disposition", "attachment; filename=\"" + file.id() + ".jsonl\"");
            call.setHeader("X-Content-Type-Options", "nosniff");
            call.answerContent(content, file.bytes());
        }
    }

    void delete(Call call) throws IOException {
        StoredFile file = require(call);
        String batch = readBy.apply(file.id());
        if (batch != null) {
            throw ApiFailure.conflict(
                    "file_in_use",
                    "File '" + file.id() + "' is still being read by batch '" + batch + "'.");
        }
        files.delete(file.id());
        call.answer(
                200,
                JsonNodeFactory.instance
                        .objectNode()
                        .put("id", file.id())
                        .put("object", "file")
                        .put("deleted", true));
    }

    private StoredFile require(Call call) {
        String id = call.path().get(1);
        StoredFile file = files.find(call.tenant(), id);
        if (file == null) {
            throw ApiFailure.notFound("File object", id);
        }
        return file;
    }
}
