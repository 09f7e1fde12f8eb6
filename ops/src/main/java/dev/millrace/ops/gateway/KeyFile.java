package dev.millrace.ops.gateway;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Keys of tenants in a file of lines {@code sha256:<64 hex digits> <tenant>}; '#' begins a comment.
 * Only hashes are kept. Keys are made by {@link #addKey} with 256 random bits, so a plain hash is
 * enough: there is nothing to guess. A changed file is read again at the next request, so a key
 * that is taken out stops working at once; a file that cannot be read keeps the keys as they were.
 */
public final class KeyFile implements ApiKeys {
    private static final Logger LOG = LoggerFactory.getLogger(KeyFile.class);
    private static final Pattern LINE =
            Pattern.compile("sha256:([0-9a-fA-F]{64})\\s+([A-Za-z0-9._-]{1,100})");
    private static final int KEY_BYTES = 32;

    private final Path file;
    private FileTime readAt;
    private Map<String, String> tenants = Map.of();

    /**
     * @throws IllegalArgumentException naming file and line when the file is wrong
     * @throws UncheckedIOException when it cannot be read
     */
    public KeyFile(Path file) {
        this.file = file;
        try {
            readAt = Files.getLastModifiedTime(file);
            tenants = read();
        } catch (IOException e) {
            throw new UncheckedIOException("key file " + file + " cannot be read", e);
        }
    }

    @Override
    public Optional<String> tenantOf(String key) {
        return Optional.ofNullable(current().get(hash(key)));
    }

    /**
     * Makes a key for a tenant and adds its hash to the file, which is made if missing.
     *
     * @return the key, which is nowhere kept
     * @throws IllegalArgumentException when the tenant's name is none
     */
    public static String addKey(Path file, String tenant, SecureRandom random) throws IOException {
        byte[] bytes = new byte[KEY_BYTES];
        random.nextBytes(bytes);
        String key = "sk-millrace-" + HexFormat.of().formatHex(bytes);
        String line = "sha256:" + hash(key) + " " + tenant;
        if (!LINE.matcher(line).matches()) {
            throw new IllegalArgumentException(
                    "tenant '" + tenant + "' must be 1 to 100 letters, digits, '.', '_' or '-'");
        }
        if (!Files.exists(file)) {
            Files.createFile(
                    file,
                    PosixFilePermissions.asFileAttribute(
                            PosixFilePermissions.fromString("rw-------")));
        }
        Files.writeString(file, line + "\n", StandardOpenOption.APPEND);
        return key;
    }

    private synchronized Map<String, String> current() {
        try {
            FileTime changed = Files.getLastModifiedTime(file);
            if (!changed.equals(readAt)) {
                readAt = changed;
                tenants = read();
            }
        } catch (IOException | IllegalArgumentException e) {
            LOG.warn("the keys stay as they were: {}", e.getMessage());
        }
        return tenants;
    }

    private Map<String, String> read() throws IOException {
        List<String> lines = Files.readAllLines(file);
        Map<String, String> read = new HashMap<>();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).replaceFirst("#.*", "").strip();
            if (line.isEmpty()) {
                continue;
            }
            Matcher matcher = LINE.matcher(line);
            if (!matcher.matches()) {
                throw new IllegalArgumentException(
                        file
                                + ":"
                                + (i + 1)
                                + ": a line must be 'sha256:<64 hex digits> <tenant>'");
            }
            read.put(matcher.group(1).toLowerCase(), matcher.group(2));
        }
        return Map.copyOf(read);
    }

    private static String hash(String key) {
        try {
            MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
            return HexFormat.of().formatHex(sha256.digest(key.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
