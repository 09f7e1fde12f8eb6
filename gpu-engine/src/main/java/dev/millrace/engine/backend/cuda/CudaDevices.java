package dev.millrace.engine.backend.cuda;

import org.bytedeco.cuda.global.cublas;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.nio.file.Path;

/** Opens CUDA devices by name. What is missing is said; nothing takes another's place. */
public final class CudaDevices {
    private static final Logger LOG = LoggerFactory.getLogger(CudaDevices.class);

    private CudaDevices() {}

    /** Whether this machine has an NVIDIA driver: what {@code auto} goes by. */
    public static boolean hasDriver() {
        return NativeLibraries.hasDriver();
    }

    /**
     * A real GPU.
     *
     * @throws DeviceUnavailableException if driver, libraries, compiler or GPU are missing
     */
    public static CudaBackend cuda(CudaConfig config) {
        NativeLibraries.check();
        NativeCudaDriver driver = open(config);
        try {
            LOG.info("device cuda: {}", driver.properties());
            GemmChoices choices =
                    new GemmChoices(
                            GemmChoices.file(driver.properties(), cublas.cublasLtGetVersion()));
            return new CudaBackend(driver, new CublasLtGemm(driver, choices), config);
        } catch (LinkageError e) {
            driver.close();
            throw linkFailure(e);
        } catch (RuntimeException e) {
            driver.close();
            throw e;
        }
    }

    /** The driver with the kernels loaded. */
    static NativeCudaDriver open(CudaConfig config) {
        NativeCudaDriver driver;
        try {
            driver = new NativeCudaDriver(config.deviceIndex());
        } catch (LinkageError e) {
            throw linkFailure(e);
        }
        try {
            if (!driver.properties().isSupported()) {
                throw new DeviceUnavailableException(
                        "device cuda: "
                                + driver.properties()
                                + "; compute capability 8.0 or later is needed");
            }
            KernelImages images = new KernelImages(driver.properties().arch());
            for (String file : images.files()) {
                driver.load(images.image(file));
            }
            return driver;
        } catch (RuntimeException e) {
            driver.close();
            throw e;
        }
    }

    /**
     * Compiles all kernels for an architecture into the cache, with nvcc and without a GPU.
     *
     * @return where they lie
     */
    public static Path precompile(String arch) {
        KernelImages images = new KernelImages(arch);
        images.files().forEach(images::image);
        return images.folder();
    }

    private static DeviceUnavailableException linkFailure(LinkageError e) {
        return new DeviceUnavailableException(
                "device cuda: CUDA's libraries are there but cannot be linked: "
                        + e.getMessage()
                        + "; CUDA 13.0 or later is needed, with a driver of version 580 or later",
                e);
    }

    /**
     * The device that runs the kernels on the host: a check, very slow.
     *
     * @throws DeviceUnavailableException without a C++ compiler
     */
    public static CudaBackend emulated(CudaConfig config) {
        EmulatedCudaDriver driver = new EmulatedCudaDriver();
        LOG.info(
                "device cuda-emulated: {}; every access is checked, which is very slow",
                driver.properties());
        return new CudaBackend(driver, new EmulatedGemm(driver), config);
    }
}
