package dev.millrace.engine.backend.cuda;

/**
 * A CUDA call failed. After a failed launch the device's state is unknown: the process must end.
 */
public final class CudaException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public CudaException(String message) {
        super(message);
    }

    public CudaException(String message, Throwable cause) {
        super(message, cause);
    }
}
