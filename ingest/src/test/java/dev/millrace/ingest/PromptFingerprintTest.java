package dev.millrace.ingest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.PromptJob;

import org.junit.jupiter.api.Test;

import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

class PromptFingerprintTest {
    @Test
    void sameInstructionsSameFingerprint() {
        long one = of(chat("system", "Be brief.", "user", "a"));
        assertEquals(one, of(chat("system", "Be brief.", "user", "b")));
        assertEquals(one, of(IngestDriver.job("1")), "same messages in another job");
        assertNotEquals(one, of(chat("system", "Be kind.", "user", "a")));
        assertNotEquals(one, of(chat("developer", "Be brief.", "user", "a")));
        assertNotEquals(one, of(chat("system", "Be brief.", "user", "a").setModel("other")));
        assertNotEquals(one, of(chat("system", "Be brief.", "user", "a").setTools("[]")));
        assertNotEquals(one, of(chat("system", "Be brief.", "system", "More.", "user", "a")));
    }

    @Test
    void bordersBetweenTextsCount() {
        assertNotEquals(
                of(chat("system", "ab", "system", "c")), of(chat("system", "a", "system", "bc")));
    }

    @Test
    void withoutInstructionsTheHeadOfTheFirstMessageCounts() {
        String head = "x".repeat(PromptFingerprint.HEAD_CHARS);
        assertEquals(of(chat("user", head + "a")), of(chat("user", head + "b")));
        assertNotEquals(of(chat("user", "a")), of(chat("user", "b")));
    }

    @Test
    void messagesOfASharedPrefixCountWhateverTheirRole() {
        PromptJob one = chat("system", "s", "user", "example", "user", "a").build();
        PromptJob other = chat("system", "s", "user", "another", "user", "a").build();
        assertEquals(PromptFingerprint.of(one), PromptFingerprint.of(other));
        assertNotEquals(PromptFingerprint.of(one, 2), PromptFingerprint.of(other, 2));
    }

    @Test
    void completionsCountByTheirHead() {
        String text = "x".repeat(PromptFingerprint.HEAD_CHARS);
        assertEquals(
                of(completion().setPrompt(text + "a")), of(completion().setPrompt(text + "b")));
        assertNotEquals(of(completion().setPrompt("a")), of(completion().setPrompt("b")));
        List<Integer> ids = Collections.nCopies(PromptFingerprint.HEAD_TOKENS, 7);
        List<Integer> longer =
                IntStream.range(0, 300)
                        .mapToObj(i -> i < PromptFingerprint.HEAD_TOKENS ? 7 : i)
                        .toList();
        assertEquals(
                of(completion().setPromptTokenIds(ids)),
                of(completion().setPromptTokenIds(longer)));
        assertNotEquals(
                of(completion().setPromptTokenIds(List.of(1))),
                of(completion().setPromptTokenIds(List.of(2))));
    }

    @Test
    void staysTheSameFromReleaseToRelease() {
        // Ready records of an older release must meet those of a newer one. Changing this value is
        // a decision.
        assertEquals(
                "bb1d4dd669398336",
                PromptFingerprint.hex(of(chat("system", "Be brief.", "user", "a"))));
        assertEquals("000000000000000f", PromptFingerprint.hex(15));
    }

    private static long of(PromptJob.Builder job) {
        return PromptFingerprint.of(job.build());
    }

    private static PromptJob.Builder chat(String... rolesAndContents) {
        return IngestDriver.job("j")
                .setMessages(
                        IntStream.range(0, rolesAndContents.length / 2)
                                .mapToObj(
                                        i ->
                                                new ChatMessage(
                                                        rolesAndContents[2 * i],
                                                        rolesAndContents[2 * i + 1],
                                                        null))
                                .toList());
    }

    private static PromptJob.Builder completion() {
        return IngestDriver.job("j").setMessages(List.of()).setEndpoint(Endpoint.COMPLETIONS);
    }
}
