package dev.millrace.engine.backend.cuda;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;

/**
 * What was built for this machine and is kept between runs: compiled kernels, chosen algorithms,
 * the emulation. The folder is {@code $MILLRACE_CACHE}, else {@code $XDG_CACHE_HOME/millrace}, else
 * {@code ~/.cache/millrace}.
 */
final class CacheFolder {
    private CacheFolder() {}

    static Path path() {
        String own = System.getenv("MILLRACE_CACHE");
        if (own != null && !own.isBlank()) {
            return Path.of(own);
        }
        String xdg = System.getenv("XDG_CACHE_HOME");
        Path base =
                xdg == null || xdg.isBlank()
                        ? Path.of(System.getProperty("user.home"), ".cache")
                        : Path.of(xdg);
        return base.resolve("millrace");
    }

    /** A name that changes with any of the texts or their names. */
    static String hash(Map<String, String> texts) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            texts.forEach(
                    (name, text) -> {
                        digest.update((name + "\0" + text + "\0").getBytes(StandardCharsets.UTF_8));
                    });
            return HexFormat.of().formatHex(digest.digest(), 0, 10);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    /**
     * Puts a finished file in its place at once, so that another process sees it whole or not at
     * all.
     */
    static void publish(Path from, Path to) throws IOException {
        Files.createDirectories(to.getParent());
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
}
