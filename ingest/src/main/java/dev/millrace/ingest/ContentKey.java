package dev.millrace.ingest;

import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;

import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumWriter;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a job asks for, as 16 bytes of a SHA-256: equal for two jobs of one tenant that must get the
 * same answer.
 *
 * <p>Hashed is the whole job in Avro's binary form, but for what only says whose it is and when it
 * runs. A field that is added to jobs later therefore counts from the start. Texts that mean the
 * same and are written differently (tools with other blanks) are different: that costs a
 * computation and never gives a wrong answer.
 */
final class ContentKey {
    static final int BYTES = 16;

    private static final SpecificDatumWriter<PromptJob> WRITER =
            new SpecificDatumWriter<>(PromptJob.class);

    private ContentKey() {}

    /**
     * @param job with its shared prefix put in
     * @return null for a job whose answer depends on its job id: one that samples without a seed of
     *     its own. A temperature that is not given is the model's, and so may be above 0
     */
    static byte[] of(PromptJob job) {
        SamplingParams sampling = job.getSampling();
        boolean isGreedy = sampling.getTemperature() != null && sampling.getTemperature() == 0;
        if (!isGreedy && sampling.getSeed() == null) {
            return null;
        }
        PromptJob bare =
                PromptJob.newBuilder(job)
                        .setJobId("")
                        .setCustomId("")
                        .setBatchId("")
                        .setSubmissionId("")
                        .setMetadata(Map.of())
                        .setPriority(0)
                        .setDeadline(null)
                        .setCreatedAt(Instant.EPOCH)
                        .setPrefixFingerprint(null)
                        .build();
        if (sampling.getLogitBias() != null) {
            // Sorted, since a map is written in its own order.
            bare.getSampling().setLogitBias(new TreeMap<>(sampling.getLogitBias()));
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
        try {
            WRITER.write(bare, encoder);
            encoder.flush();
        } catch (IOException e) {
            throw new UncheckedIOException("a byte array cannot fail", e);
        }
        return Arrays.copyOf(Digests.sha256().digest(bytes.toByteArray()), BYTES);
    }
}
