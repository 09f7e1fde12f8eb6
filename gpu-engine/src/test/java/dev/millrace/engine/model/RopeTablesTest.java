package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.millrace.engine.backend.RopeTable;
import dev.millrace.engine.model.RopeConfig.Scaling;

import org.junit.jupiter.api.Test;

class RopeTablesTest {
    private static final RopeConfig PLAIN = new RopeConfig(Scaling.DEFAULT, 10_000, 1, 0, 0, 0);

    @Test
    void frequenciesFallGeometrically() {
        float[] frequencies = RopeTables.inverseFrequencies(PLAIN, 8);
        float[] wanted = {1, 0.1f, 0.01f, 0.001f};
        for (int i = 0; i < wanted.length; i++) {
            assertEquals(wanted[i], frequencies[i], 1e-7f * wanted[i]);
        }
        RopeTable table = RopeTables.of(PLAIN, 8, 5);
        assertEquals(Math.cos(0.4), table.cos()[4 * 4 + 1], 1e-7);
        assertEquals(Math.sin(0.03), table.sin()[3 * 4 + 2], 1e-7);
    }

    @Test
    void linearScalingStretchesAll() {
        float[] plain = RopeTables.inverseFrequencies(PLAIN, 64);
        float[] stretched =
                RopeTables.inverseFrequencies(
                        new RopeConfig(Scaling.LINEAR, 10_000, 4, 0, 0, 0), 64);
        for (int i = 0; i < plain.length; i++) {
            assertEquals(plain[i] / 4, stretched[i], 1e-9);
        }
    }

    /** Llama 3.1's own figures. */
    @Test
    void llama3KeepsShortWavesAndStretchesLongOnes() {
        float[] plain =
                RopeTables.inverseFrequencies(
                        new RopeConfig(Scaling.DEFAULT, 500_000, 1, 0, 0, 0), 128);
        float[] scaled =
                RopeTables.inverseFrequencies(
                        new RopeConfig(Scaling.LLAMA3, 500_000, 8, 1, 4, 8192), 128);
        for (int i = 0; i < plain.length; i++) {
            double wavelength = 2 * Math.PI / plain[i];
            if (wavelength < 8192 / 4.0) {
                assertEquals(plain[i], scaled[i]);
            } else if (wavelength > 8192) {
                assertEquals(plain[i] / 8, scaled[i], 1e-12);
            } else {
                double smooth = (8192 / wavelength - 1) / 3;
                assertEquals((1 - smooth) * plain[i] / 8 + smooth * plain[i], scaled[i], 1e-9);
            }
        }
    }
}
