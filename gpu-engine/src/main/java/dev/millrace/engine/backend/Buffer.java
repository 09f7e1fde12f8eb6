package dev.millrace.engine.backend;

/**
 * Activations on a device: row-major [rows, cols], elements as the device likes (F32 on the host
 * devices).
 */
public interface Buffer {
    int rows();

    int cols();
}
