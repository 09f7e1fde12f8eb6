package dev.millrace.engine.backend.cuda;

import org.bytedeco.cuda.global.nvrtc;
import org.bytedeco.cuda.nvrtc._nvrtcProgram;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** CUDA's run-time compiler. The kernels include no header but their own. */
final class NvrtcCompiler {
    private NvrtcCompiler() {}

    /**
     * Compiles one file to machine code.
     *
     * @param sources all files by name; those ending in .cuh may be included
     * @throws DeviceUnavailableException if the library is missing
     * @throws CudaException with the compiler's log if it fails
     */
    static byte[] compile(String file, Map<String, String> sources, String arch) {
        if (!NativeLibraries.isPresent("libnvrtc.so.13")) {
            throw new DeviceUnavailableException(
                    "device cuda must compile its kernels for "
                            + arch
                            + " once, and finds neither nvcc (on the PATH or in CUDA_HOME) nor"
                            + " libnvrtc.so.13; ops/cuda-toolchain installs nvcc, --runtime the"
                            + " library");
        }
        List<String> headers =
                sources.keySet().stream().filter(name -> name.endsWith(".cuh")).toList();
        String[] texts = headers.stream().map(sources::get).toArray(String[]::new);
        String[] options = {"--gpu-architecture=" + arch, "--std=c++17"};
        _nvrtcProgram program = new _nvrtcProgram();
        try (BytePointer source = new BytePointer(sources.get(file));
                BytePointer name = new BytePointer(file);
                PointerPointer<BytePointer> headerTexts = new PointerPointer<>(texts);
                PointerPointer<BytePointer> headerNames =
                        new PointerPointer<>(headers.toArray(String[]::new));
                PointerPointer<BytePointer> optionTexts = new PointerPointer<>(options)) {
            check(
                    "nvrtcCreateProgram",
                    nvrtc.nvrtcCreateProgram(
                            program, source, name, texts.length, headerTexts, headerNames));
            int compiled = nvrtc.nvrtcCompileProgram(program, options.length, optionTexts);
            if (compiled != nvrtc.NVRTC_SUCCESS) {
                throw new CudaException("nvrtc: " + file + " for " + arch + ":\n" + log(program));
            }
            return cubin(program);
        } finally {
            nvrtc.nvrtcDestroyProgram(program);
        }
    }

    private static byte[] cubin(_nvrtcProgram program) {
        try (SizeTPointer size = new SizeTPointer(1)) {
            check("nvrtcGetCUBINSize", nvrtc.nvrtcGetCUBINSize(program, size));
            byte[] image = new byte[Math.toIntExact(size.get())];
            check("nvrtcGetCUBIN", nvrtc.nvrtcGetCUBIN(program, image));
            return image;
        }
    }

    private static String log(_nvrtcProgram program) {
        try (SizeTPointer size = new SizeTPointer(1)) {
            check("nvrtcGetProgramLogSize", nvrtc.nvrtcGetProgramLogSize(program, size));
            byte[] text = new byte[Math.toIntExact(size.get())];
            check("nvrtcGetProgramLog", nvrtc.nvrtcGetProgramLog(program, text));
            return new String(text, StandardCharsets.UTF_8).strip();
        }
    }

    private static void check(String call, int result) {
        if (result != nvrtc.NVRTC_SUCCESS) {
            throw new CudaException(call + ": " + nvrtc.nvrtcGetErrorString(result).getString());
        }
    }
}
