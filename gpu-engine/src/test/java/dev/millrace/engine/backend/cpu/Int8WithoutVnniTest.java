package dev.millrace.engine.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.engine.OwnProcess;
import dev.millrace.engine.backend.WeightTensor;
import dev.millrace.engine.backend.WeightTensor.DType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;

/**
 * INT8 on processors that add two products in 16 bits, where sums of large factors saturate. oneDNN
 * takes its choice of instructions from the environment, once in a process: so this needs one of
 * its own.
 */
class Int8WithoutVnniTest {
    private static final int IN = 256;
    private static final int OUT = 64;
    private static final int ROWS = 5;

    @ParameterizedTest
    @ValueSource(strings = {"AVX2", "AVX512_CORE"})
    void sumsOfTheLargestFactorsDoNotSaturate(String isa) throws Exception {
        assumeTrue(
                List.of("amd64", "x86_64").contains(System.getProperty("os.arch")),
                "skipped: instruction sets of x86");
        String output =
                OwnProcess.output(OneProduct.class, Map.of("ONEDNN_MAX_CPU_ISA", isa), List.of());
        String last = OwnProcess.lastLine(output);
        assertEquals("offset " + Int8.SHORT_OFFSET + " sum " + (float) IN, last, output);
    }

    @Test
    void theSameProductHere() {
        String product = OneProduct.product();
        assertEquals("sum " + (float) IN, product.substring(product.indexOf("sum")));
    }

    /** Multiplies rows of ones by weights of one: each factor is the largest there is. */
    static final class OneProduct {
        private OneProduct() {}

        public static void main(String[] args) {
            System.out.println(product());
        }

        static String product() {
            WeightTensor weights =
                    OneLinear.tensor(
                            DType.F32, OUT, MemorySegment.ofArray(OneLinear.ones(OUT * IN)));
            try (OneDnn dnn = new OneDnn(1);
                    OneLinear one = new OneLinear(dnn, GemmType.INT8, weights, null, false)) {
                float last = one.multiplied(OneLinear.ones(ROWS * IN))[ROWS * OUT - 1];
                return "offset " + dnn.int8Offset() + " sum " + (float) Math.round(last);
            }
        }
    }
}
