package dev.millrace.engine.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Continuous batching of transformers on the same machine, by a script of ours, where python3 and
 * torch are there.
 */
final class PeerStage {
    static final List<String> COLUMNS = List.of("peer");

    private static final long LONGEST_MS = 90_000;

    private final Path script;
    private final boolean tiny;

    PeerStage(Path script, boolean tiny) {
        this.script = script;
        this.tiny = tiny;
    }

    void run(long leftMs, CheckReport.Table table) throws IOException, InterruptedException {
        Answer probe =
                ask(
                        List.of(
                                "python3",
                                "-c",
                                "import torch, transformers; print(torch.__version__,"
                                    + " transformers.__version__)"),
                        30_000);
        if (!probe.ok()) {
            table.row("not run: python3 with torch and transformers is not here");
            return;
        }
        table.row("torch and transformers " + probe.text());
        List<String> command = new ArrayList<>(List.of("python3", script.toString()));
        command.addAll(
                tiny
                        ? List.of(
                                "--model",
                                "tiny",
                                "--device",
                                "cpu",
                                "--n",
                                "4",
                                "--isl",
                                "24",
                                "--osl",
                                "6",
                                "--bs",
                                "4")
                        : List.of(
                                "--model", "8b", "--n", "256", "--isl", "128", "--osl", "128",
                                "--bs", "128"));
        Answer answer = ask(command, Math.min(LONGEST_MS, leftMs - 10_000));
        table.row(answer.ok() ? answer.text() : "not measured: " + answer.text());
    }

    private record Answer(boolean ok, String text) {}

    /** The last line that a program printed; it is ended when its time is over. */
    private static Answer ask(List<String> command, long timeoutMs)
            throws IOException, InterruptedException {
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException e) {
            return new Answer(false, e.getMessage());
        }
        List<String> lines = new ArrayList<>();
        Thread reader =
                Thread.ofVirtual()
                        .start(
                                () ->
                                        new String(readAll(process), StandardCharsets.UTF_8)
                                                .lines()
                                                .filter(line -> !line.isBlank())
                                                .forEach(lines::add));
        boolean ended = process.waitFor(Math.max(1, timeoutMs), TimeUnit.MILLISECONDS);
        process.destroyForcibly();
        reader.join();
        String last = lines.isEmpty() ? "no output" : lines.getLast();
        return ended
                ? new Answer(process.exitValue() == 0, last)
                : new Answer(false, "took longer than " + timeoutMs + " ms");
    }

    private static byte[] readAll(Process process) {
        try {
            return process.getInputStream().readAllBytes();
        } catch (IOException e) {
            return new byte[0];
        }
    }
}
