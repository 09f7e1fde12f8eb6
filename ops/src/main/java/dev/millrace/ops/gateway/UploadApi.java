package dev.millrace.ops.gateway;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Semaphore;

/**
 * {@code POST /v1/files}: a form whose file part goes to the disk as it comes. An upload that is
 * refused or breaks off leaves nothing behind.
 */
final class UploadApi {
    private static final int COPY_BYTES = 1 << 16;
    private static final int FIELD_BYTES_MAX = 16 << 10;
    private static final int NAME_CHARS_MAX = 1024;
    private static final int UPLOADS_MAX = 64;
    private static final Set<String> FIELDS =
            Set.of("purpose", "expires_after[anchor]", "expires_after[seconds]");

    private final GatewayConfig config;
    private final FileStore files;
    private final Ids ids;
    private final InstantSource clock;
    private final Semaphore free = new Semaphore(UPLOADS_MAX);

    UploadApi(GatewayConfig config, FileStore files, Ids ids, InstantSource clock) {
        this.config = config;
        this.files = files;
        this.ids = ids;
        this.clock = clock;
    }

    /** What a form has brought; the file itself lies under {@code written}. */
    private static final class Form {
        final Map<String, String> fields = new HashMap<>();
        String fileName;
        String sha256;
        long bytes;
    }

    void post(Call call) throws IOException {
        String boundary = MultipartReader.boundaryOf(call.header("Content-Type"));
        if (boundary == null) {
            throw ApiFailure.unsupportedMedia(
                    "The Content-Type must be multipart/form-data with a boundary.");
        }
        String idempotencyKey = call.idempotencyKey();
        requireRoom(call.contentLength());
        if (!free.tryAcquire()) {
            throw ApiFailure.unavailable(UPLOADS_MAX + " uploads are running; try again soon.");
        }
        String id = ids.next(Ids.FILE);
        Path written = files.incoming(id);
        try {
            Form form = read(new MultipartReader(call.body(), boundary), written);
            StoredFile file = checked(form, id, call.tenant(), idempotencyKey);
            call.answer(200, keep(file, written).toJson());
        } catch (MultipartReader.MalformedException e) {
            throw ApiFailure.badRequest(
                    null, "invalid_multipart", "The form is malformed: " + e.getMessage() + ".");
        } finally {
            Files.deleteIfExists(written);
            free.release();
        }
    }

    private void requireRoom(long announced) throws IOException {
        // The form around the file is small; a file of just the limit is refused while it is read.
        if (announced > config.fileBytesMax() + FIELD_BYTES_MAX) {
            throw tooLarge();
        }
        if (announced > files.usableBytes()) {
            throw ApiFailure.storageFull("There is no room for a file of this size.");
        }
    }

    private Form read(MultipartReader reader, Path written) throws IOException {
        Form form = new Form();
        for (var part = reader.next(); part != null; part = reader.next()) {
            if (part.name().equals("file")) {
                if (form.fileName != null) {
                    throw invalid("file", "There must be one 'file'.");
                }
                form.fileName = part.fileName() == null ? "" : part.fileName();
                copy(part.content(), written, form);
            } else if (FIELDS.contains(part.name())) {
                form.fields.put(part.name(), text(part));
            } else {
                throw ApiFailure.badRequest(
                        part.name(),
                        "unknown_parameter",
                        "Unknown parameter: '" + part.name() + "'.");
            }
        }
        return form;
    }

    private void copy(InputStream content, Path written, Form form) throws IOException {
        MessageDigest sha256 = sha256();
        byte[] buffer = new byte[COPY_BYTES];
        try (OutputStream out = Files.newOutputStream(written)) {
            for (int count = content.read(buffer); count >= 0; count = content.read(buffer)) {
                form.bytes += count;
                if (form.bytes > config.fileBytesMax()) {
                    throw tooLarge();
                }
                sha256.update(buffer, 0, count);
                out.write(buffer, 0, count);
            }
        }
        form.sha256 = HexFormat.of().formatHex(sha256.digest());
    }

    private static String text(MultipartReader.Part part) throws IOException {
        byte[] bytes = part.content().readNBytes(FIELD_BYTES_MAX + 1);
        if (bytes.length > FIELD_BYTES_MAX) {
            throw ApiFailure.tooLarge(part.name(), "'" + part.name() + "' is too large.");
        }
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private StoredFile checked(Form form, String id, String tenant, String idempotencyKey) {
        if (form.fileName == null) {
            throw missing("file");
        }
        String purpose = form.fields.get("purpose");
        if (purpose == null) {
            throw missing("purpose");
        }
        if (!purpose.equals(StoredFile.BATCH)) {
            throw invalid(
                    "purpose", "'" + purpose + "' is not served; the purpose must be 'batch'.");
        }
        if (form.fileName.length() > NAME_CHARS_MAX) {
            throw invalid(
                    "file", "The file's name is longer than " + NAME_CHARS_MAX + " characters.");
        }
        if (form.bytes == 0) {
            throw ApiFailure.badRequest("file", "empty_file", "The file is empty.");
        }
        long now = clock.instant().getEpochSecond();
        Long ttl = ttlSeconds(form.fields);
        return new StoredFile(
                id,
                tenant,
                form.fileName,
                purpose,
                form.bytes,
                now,
                ttl == null ? null : now + ttl,
                form.sha256,
                idempotencyKey);
    }

    private Long ttlSeconds(Map<String, String> fields) {
        String anchor = fields.get("expires_after[anchor]");
        String seconds = fields.get("expires_after[seconds]");
        if (anchor == null && seconds == null) {
            Duration ttl = config.fileTtl();
            return ttl == null ? null : (Long) ttl.toSeconds();
        }
        if (!"created_at".equals(anchor) || seconds == null) {
            throw invalid(
                    "expires_after", "'expires_after' needs the anchor 'created_at' and seconds.");
        }
        return Expiry.checkedSeconds("expires_after[seconds]", seconds);
    }

    /** Stores the file, or finds the one that the same upload has stored before. */
    private synchronized StoredFile keep(StoredFile file, Path written) {
        if (file.idempotencyKey() != null) {
            StoredFile earlier = files.findByIdempotencyKey(file.tenant(), file.idempotencyKey());
            if (earlier != null && !earlier.sha256().equals(file.sha256())) {
                throw ApiFailure.conflict(
                        "idempotency_key_reused",
                        "This Idempotency-Key was used for another file: '" + earlier.id() + "'.");
            }
            if (earlier != null) {
                return earlier;
            }
        }
        return files.add(written, file);
    }

    private ApiFailure tooLarge() {
        return ApiFailure.tooLarge(
                "file", "The file is larger than " + config.fileBytesMax() + " bytes.");
    }

    private static ApiFailure missing(String name) {
        return ApiFailure.badRequest(
                name, "missing_required_parameter", "Missing required parameter: '" + name + "'.");
    }

    private static ApiFailure invalid(String param, String message) {
        return ApiFailure.badRequest(param, "invalid_value", message);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
