package dev.millrace.sink.usage;

import static dev.millrace.sink.SinkFixtures.at;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.millrace.schemas.TenantUsage;
import dev.millrace.schemas.Usage;
import dev.millrace.schemas.UsageEvent;
import org.junit.jupiter.api.Test;

class UsageFoldTest {
    @Test
    void countsAddUpAndTheTimeIsTheLatest() {
        TenantUsage first = UsageFold.apply(null, event(5));
        TenantUsage second = UsageFold.apply(first, event(2));
        assertEquals(new TenantUsage("t", "m", 2L, 20L, 8L, 6L, at(5)), second);
        assertEquals(1, first.getJobs(), "the state before is not changed");
    }

    @Test
    void totalsGoBeyondWhatOneJobCanUse() {
        TenantUsage before = new TenantUsage("t", "m", 1L, 1L << 40, 0L, 0L, at(0));
        assertEquals((1L << 40) + 10, UsageFold.apply(before, event(1)).getPromptTokens());
    }

    @Test
    void slashInATenantDoesNotMixItUpWithAModelsSlash() {
        assertEquals("t/org/m", UsageFold.key("t", "org/m"));
        assertNotEquals(UsageFold.key("t", "org/m"), UsageFold.key("t/org", "m"));
        assertNotEquals(UsageFold.key("a%2Fb", "m"), UsageFold.key("a/b", "m"));
    }

    private static UsageEvent event(long second) {
        return new UsageEvent("job", "b", "t", "m", new Usage(10, 4, 3), at(second));
    }
}
