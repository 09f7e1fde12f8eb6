package dev.millrace.engine.backend.cuda;

/** The products of the emulated device: what cuBLASLt would compute, by plain loops. */
final class EmulatedGemm implements GemmProvider {
    private final EmulatedCudaDriver driver;

    EmulatedGemm(EmulatedCudaDriver driver) {
        this.driver = driver;
    }

    @Override
    public void multiply(Gemm gemm) {
        driver.multiply(gemm);
    }

    @Override
    public void close() {
        // The driver owns the library.
    }
}
