package dev.millrace.engine.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.millrace.engine.cuda.EmulatedCuda.Shape;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.Random;

/** Dense products against sums in double, on both code paths of E4M3. */
class GemmKernelTest {
    private final Random random = new Random(13);

    @ParameterizedTest
    @CsvSource({"1, 128, 64", "3, 7, 16", "64, 128, 96", "65, 130, 208", "130, 257, 80"})
    void productsOfBf16(int m, int n, int k) throws Exception {
        try (EmulatedCuda cuda = EmulatedCuda.open()) {
            float[] bias = Numbers.random(random, 1, n, 1);
            Matrix a = new Matrix(random, m, k);
            Matrix w = new Matrix(random, n, k);
            Shape shape = new Shape((n + 127) / 128, (m + 63) / 64, 128, 46080);
            DeviceArray out = cuda.allocate(2L * m * n);
            DeviceArray wide = cuda.allocate(4L * m * n);
            DeviceArray biases = cuda.floats(bias);
            cuda.launch(
                    "gemm_bf16", shape, cuda.bf16(a.bf16), cuda.bf16(w.bf16), biases, out, m, n, k);
            compare(out.bf16(), 0x1p-8, n, (r, c) -> dot(a, w, r, c, Matrix::wide) + bias[c]);
            cuda.launch(
                    "gemm_bf16_f32",
                    shape,
                    cuda.bf16(a.bf16),
                    cuda.bf16(w.bf16),
                    EmulatedCuda.NULL,
                    wide,
                    m,
                    n,
                    k);
            compare(wide.floats(), 0, n, (r, c) -> dot(a, w, r, c, Matrix::wide));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "1, 128, 64, 890",
        "3, 7, 16, 890",
        "64, 128, 96, 890",
        "65, 130, 208, 890",
        "130, 257, 80, 890",
        "5, 129, 272, 800"
    })
    void productsOfE4m3(int m, int n, int k, int arch) throws Exception {
        try (EmulatedCuda cuda = arch == 800 ? EmulatedCuda.openSm80() : EmulatedCuda.open()) {
            float[] bias = Numbers.random(random, 1, n, 1);
            Matrix a = new Matrix(random, m, k);
            Matrix w = new Matrix(random, n, k);
            Shape shape = new Shape((n + 127) / 128, (m + 63) / 64, 128, 46080);
            DeviceArray out = cuda.allocate(2L * m * n);
            DeviceArray biases = cuda.floats(bias);
            cuda.launch(
                    "gemm_fp8",
                    shape,
                    cuda.bytes(a.e4m3),
                    cuda.floats(a.rowScales),
                    cuda.bytes(w.e4m3),
                    cuda.floats(w.rowScales),
                    biases,
                    out,
                    m,
                    n,
                    k);
            compare(out.bf16(), 0x1p-8, n, (r, c) -> dot(a, w, r, c, Matrix::byRow) + bias[c]);
            int stride = m + 2;
            cuda.launch(
                    "gemm_fp8_block",
                    shape,
                    cuda.bytes(a.e4m3),
                    cuda.floats(a.groupScales(stride)),
                    stride,
                    cuda.bytes(w.e4m3),
                    cuda.floats(w.blockScales),
                    EmulatedCuda.NULL,
                    out,
                    m,
                    n,
                    k);
            compare(out.bf16(), 0x1p-8, n, (r, c) -> blockDot(a, w, r, c));
        }
    }

    private interface Wanted {
        double at(int row, int col);
    }

    private interface Element {
        double of(Matrix matrix, int row, int k);
    }

    private static double dot(Matrix a, Matrix w, int row, int col, Element element) {
        double sum = 0;
        for (int k = 0; k < a.cols; k++) {
            sum += element.of(a, row, k) * element.of(w, col, k);
        }
        return sum;
    }

    private static double blockDot(Matrix a, Matrix w, int row, int col) {
        double sum = 0;
        for (int k = 0; k < a.cols; k++) {
            sum += a.byGroup(row, k) * w.byBlock(col, k);
        }
        return sum;
    }

    private static void compare(float[] actual, double relative, int n, Wanted wanted) {
        for (int i = 0; i < actual.length; i++) {
            double value = wanted.at(i / n, i % n);
            assertEquals(
                    value,
                    actual[i],
                    relative * Math.abs(value) + 1e-3,
                    "[" + i / n + ", " + i % n + "]");
        }
    }
}
