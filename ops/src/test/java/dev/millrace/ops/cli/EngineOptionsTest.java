package dev.millrace.ops.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class EngineOptionsTest {
    @Test
    void anUnknownDeviceIsRefusedBeforeAnythingStarts() {
        CliFailure e =
                assertThrows(CliFailure.class, () -> EngineOptions.forDemo("abacus").config());
        assertEquals(
                "--device abacus: there is no such device; choose one of cpu, scalar, cuda,"
                        + " cuda-emulated, auto",
                e.getMessage());
        assertEquals(128, EngineOptions.forDemo("scalar").config().maxNumBatchedTokens());
    }
}
