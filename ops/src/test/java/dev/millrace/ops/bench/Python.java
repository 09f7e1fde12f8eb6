package dev.millrace.ops.bench;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.util.List;

/** The machine's Python, which ops/compare runs in. */
public final class Python {
    private Python() {}

    /**
     * Skips a test where python3 is missing or older than 3.10, and says so.
     *
     * @param what is skipped
     * @param modules of Python's own that must be installed
     */
    public static void orSkip(String what, List<String> modules) throws InterruptedException {
        String check = "import sys; sys.exit(sys.version_info < (3, 10))";
        for (String module : modules) {
            check = "import " + module + "; " + check;
        }
        boolean isThere;
        try {
            isThere = new ProcessBuilder("python3", "-c", check).start().waitFor() == 0;
        } catch (IOException e) {
            isThere = false;
        }
        String need = String.join(" and ", modules);
        String needs = "python3 3.10 or later" + (need.isEmpty() ? "" : " with " + need);
        if (!isThere) {
            System.out.println("SKIPPED: " + what + " need " + needs);
        }
        assumeTrue(isThere, needs + " is not installed");
    }
}
