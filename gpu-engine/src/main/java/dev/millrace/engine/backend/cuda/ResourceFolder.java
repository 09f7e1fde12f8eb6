package dev.millrace.engine.backend.cuda;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Text files of a folder on the class path, be it in a jar or not. */
final class ResourceFolder {
    private ResourceFolder() {}

    /**
     * Reads a folder without its subfolders.
     *
     * @param folder absolute, as {@code /cuda}
     * @return file name to text, sorted
     */
    static SortedMap<String, String> read(String folder) {
        URL url = ResourceFolder.class.getResource(folder);
        if (url == null) {
            throw new IllegalStateException("the class path has no folder " + folder);
        }
        try {
            URI uri = url.toURI();
            if (!uri.getScheme().equals("jar")) {
                return texts(Path.of(uri));
            }
            try (FileSystem jar = FileSystems.newFileSystem(uri, Map.of())) {
                return texts(jar.getPath(folder));
            }
        } catch (URISyntaxException e) {
            throw new IllegalStateException(url + " is no address", e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static SortedMap<String, String> texts(Path folder) throws IOException {
        SortedMap<String, String> texts = new TreeMap<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                texts.put(file.getFileName().toString(), Files.readString(file));
            }
        }
        return texts;
    }
}
