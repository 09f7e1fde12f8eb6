package dev.millrace.worker.remote;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A secret for the Authorization header. Prints as stars, so that no log can hold it. */
public record ApiKey(String value) {
    public ApiKey {
        if (value.isEmpty() || !value.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
            throw new IllegalArgumentException(
                    "the API key must be one word of printable ASCII characters");
        }
    }

    /**
     * Reads a file that holds the key and nothing else; white space around it is dropped.
     *
     * @throws IllegalArgumentException naming the file when it cannot be read or holds no key
     */
    public static ApiKey read(Path file) {
        try {
            return new ApiKey(Files.readString(file).strip());
        } catch (IOException | IllegalArgumentException e) {
            throw new IllegalArgumentException("API key file " + file + ": " + e.getMessage(), e);
        }
    }

    @Override
    public String toString() {
        return "***";
    }
}
