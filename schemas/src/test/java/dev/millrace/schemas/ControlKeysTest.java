package dev.millrace.schemas;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

class ControlKeysTest {
    @Test
    void ordersThatReplaceEachOtherShareAKeyAndNoOthersDo() {
        assertEquals("batch/b/pause", ControlKeys.of(command(ControlKind.PAUSE, "b", null)));
        assertEquals("batch/b/pause", ControlKeys.of(command(ControlKind.RESUME, "b", null)));
        Set<String> keys = new HashSet<>();
        // Ids made to look like parts of other keys.
        for (String id : List.of("b", "b/cancel", "job/b", "batch/b")) {
            for (ControlKind kind :
                    List.of(ControlKind.CANCEL, ControlKind.PAUSE, ControlKind.SET_DEADLINE)) {
                keys.add(ControlKeys.of(command(kind, id, null)));
                keys.add(ControlKeys.of(command(kind, null, id)));
            }
        }
        assertEquals(4 * 3 * 2, keys.size());
    }

    @Test
    void aCommandNeedsOneTargetAndWhatItSets() {
        assertThrows(
                IllegalArgumentException.class,
                () -> ControlKeys.of(command(ControlKind.CANCEL, null, null)));
        assertThrows(
                IllegalArgumentException.class,
                () -> ControlKeys.of(command(ControlKind.CANCEL, "b", "j")));
        assertThrows(
                IllegalArgumentException.class,
                () -> ControlKeys.of(command(ControlKind.SET_PRIORITY, "b", null)));
        assertEquals(
                "job/b/1/deadline", ControlKeys.of(command(ControlKind.SET_DEADLINE, null, "b/1")));
    }

    private static ControlCommand command(ControlKind kind, String batchId, String jobId) {
        return ControlCommand.newBuilder()
                .setCommandId("c")
                .setKind(kind)
                .setBatchId(batchId)
                .setJobId(jobId)
                .setAt(Instant.EPOCH)
                .build();
    }
}
