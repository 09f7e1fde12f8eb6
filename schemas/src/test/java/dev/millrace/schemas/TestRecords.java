package dev.millrace.schemas;

import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** Filled records for tests: every optional field set, so that a lost one shows. */
public final class TestRecords {
    private static final Instant AT = Instant.ofEpochMilli(1_700_000_000_123L);

    private TestRecords() {}

    /** A job as ingest might pass it on. */
    public static PromptJob promptJob(String id) {
        SamplingParams sampling = SamplingParams.newBuilder().setMaxTokens(16).setTemperature(0.7)
                .setTopP(0.9).setTopK(40)
                .setLogitBias(Map.of("17", -3.5)).setStop(List.of("\n\n", "é€😀")).setStopTokenIds(List.of(2))
                .setSeed(Long.MIN_VALUE).build();
        List<ChatMessage> messages = List.of(
                ChatMessage.newBuilder().setRole("system").setContent("You sort words.").build(),
                ChatMessage.newBuilder().setRole("user").setContent("tea, ale, 水")
                .setExtra("{\"name\":\"kim\"}").build());
        return PromptJob.newBuilder().setJobId(id).setCustomId("custom-" + id).setBatchId("b1")
                .setTenant("acme").setModel("demo")
                .setMessages(messages).setSampling(sampling).setMetadata(Map.of("k", "v")).setPriority(3)
                .setDeadline(AT.plusSeconds(60)).setCreatedAt(AT).setPrefixFingerprint(-1L).build();
    }

    /** A record of bytes and maps of bytes. */
    public static DeadLetter deadLetter() {
        return DeadLetter.newBuilder().setSourceTopic("prompts").setSourcePartition(2)
                .setSourceOffset(1L << 40)
                .setValue(ByteBuffer.wrap(new byte[] {0, 1, -1}))
                .setHeaders(Map.of("h", ByteBuffer.wrap(new byte[] {9})))
                .setError(ErrorInfo.newBuilder().setCode("unreadable").setMessage("no magic byte").build())
                .setFailedBy("ingest")
                .setFailedAt(AT).build();
    }
}
