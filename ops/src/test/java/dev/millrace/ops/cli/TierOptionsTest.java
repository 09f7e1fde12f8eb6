package dev.millrace.ops.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.KvTiers;
import dev.millrace.engine.api.KvTiers.DiskKeeps;

import org.junit.jupiter.api.Test;

import picocli.CommandLine;

import java.nio.file.Path;

class TierOptionsTest {
    private static final Path FOLDER = Path.of("kv");

    @Test
    void aHostDeviceHasNoTiersUnlessAskedAndAGpuHasHostMemory() {
        assertEquals(KvTiers.OFF, parse().tiers(false, true));
        assertEquals(KvTiers.host(2L << 30), parse().tiers(true, true));
        assertEquals(KvTiers.OFF, parse("--kv-host-mb", "0").tiers(true, true));
        assertEquals(KvTiers.OFF, parse().tiers(true, false));
    }

    @Test
    void aFolderGetsMemoryToReadInto() {
        assertEquals(
                new KvTiers(256L << 20, FOLDER, 8L << 30, DiskKeeps.REUSED),
                parse("--kv-disk-dir", "kv").tiers(false, true));
        TierOptions all =
                parse(
                        "--kv-disk-dir=kv",
                        "--kv-disk-mb=100",
                        "--kv-host-mb=5",
                        "--kv-disk-keep=ALL");
        assertEquals(
                new KvTiers(5L << 20, FOLDER, 100L << 20, DiskKeeps.ALL), all.tiers(true, true));
    }

    @Test
    void whatCannotBeIsRefusedByName() {
        assertRefused(parse("--kv-disk-mb", "5"), true, "--kv-disk-dir");
        assertRefused(parse("--kv-disk-dir", "kv"), false, "--no-prefix-caching");
    }

    private static void assertRefused(TierOptions options, boolean caching, String part) {
        CliFailure e = assertThrows(CliFailure.class, () -> options.tiers(false, caching));
        assertTrue(e.getMessage().contains(part), e.getMessage());
    }

    private static TierOptions parse(String... args) {
        TierOptions options = new TierOptions();
        new CommandLine(options).parseArgs(args);
        return options;
    }
}
