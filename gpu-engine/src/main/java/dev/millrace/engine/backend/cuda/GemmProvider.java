package dev.millrace.engine.backend.cuda;

/** Multiplies activations with packed weights, in stream order. */
public interface GemmProvider extends AutoCloseable {

    /** Queues a product. */
    void multiply(Gemm gemm);

    @Override
    void close();
}
