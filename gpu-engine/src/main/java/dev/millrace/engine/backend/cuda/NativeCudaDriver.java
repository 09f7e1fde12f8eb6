package dev.millrace.engine.backend.cuda;

import static org.bytedeco.cuda.global.cudart.CUDA_ERROR_NOT_FOUND;
import static org.bytedeco.cuda.global.cudart.CUDA_SUCCESS;
import static org.bytedeco.cuda.global.cudart.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
import static org.bytedeco.cuda.global.cudart.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR;
import static org.bytedeco.cuda.global.cudart.CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE;
import static org.bytedeco.cuda.global.cudart.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT;
import static org.bytedeco.cuda.global.cudart.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
import static org.bytedeco.cuda.global.cudart.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
import static org.bytedeco.cuda.global.cudart.CU_STREAM_NON_BLOCKING;

import org.bytedeco.cuda.cudart.CUctx_st;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A CUDA device through the driver API, by JavaCPP's bindings. Its primary context is used, so that
 * cuBLASLt finds it. Loading this class needs the driver's library: {@link NativeLibraries#check}
 * comes first.
 */
final class NativeCudaDriver implements CudaDriver {
    private static final int SHARED_BYTES_WITHOUT_ASKING = 48 << 10;
    private static final int NAME_BYTES = 256;

    private final int device;
    private final DeviceProperties properties;
    private final CUctx_st context = new CUctx_st();
    private final CUstream_st stream = new CUstream_st();
    private final List<CUmod_st> modules = new ArrayList<>();
    private final Map<String, CUfunc_st> functions = new HashMap<>();
    private final Map<String, Integer> sharedBytes = new HashMap<>();
    private final List<CUevent_st> events = new ArrayList<>();
    private final List<CUgraphExec_st> graphs = new ArrayList<>();
    private final List<Pointer> hostMemory = new ArrayList<>();
    private final LongPointer values = new LongPointer(KernelArgs.MAX);
    private final PointerPointer<Pointer> parameters = new PointerPointer<>(KernelArgs.MAX);

    /** A pointer to an address that something else owns. */
    static final class Address extends Pointer {
        Address(long address) {
            this.address = address;
        }
    }

    NativeCudaDriver(int deviceIndex) {
        check("cuInit", cudart.cuInit(0));
        int[] handle = new int[1];
        int found = cudart.cuDeviceGet(handle, deviceIndex);
        if (found != CUDA_SUCCESS) {
            throw new DeviceUnavailableException(
                    "device cuda: there is no GPU "
                            + deviceIndex
                            + " ("
                            + text(found)
                            + "); nvidia-smi lists them, CUDA_VISIBLE_DEVICES may hide them");
        }
        device = handle[0];
        properties = readProperties();
        check("cuDevicePrimaryCtxRetain", cudart.cuDevicePrimaryCtxRetain(context, device));
        check("cuCtxSetCurrent", cudart.cuCtxSetCurrent(context));
        check("cuStreamCreate", cudart.cuStreamCreate(stream, CU_STREAM_NON_BLOCKING));
        for (int i = 0; i < KernelArgs.MAX; i++) {
            parameters.put(i, new Address(values.address() + 8L * i));
        }
    }

    private DeviceProperties readProperties() {
        byte[] name = new byte[NAME_BYTES];
        check("cuDeviceGetName", cudart.cuDeviceGetName(name, NAME_BYTES, device));
        int length = 0;
        while (length < NAME_BYTES && name[length] != 0) {
            length++;
        }
        int[] version = new int[1];
        check("cuDriverGetVersion", cudart.cuDriverGetVersion(version));
        try (SizeTPointer total = new SizeTPointer(1)) {
            check("cuDeviceTotalMem", cudart.cuDeviceTotalMem(total, device));
            return new DeviceProperties(
                    new String(name, 0, length, StandardCharsets.UTF_8),
                    attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
                    attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
                    attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
                    total.get(),
                    attribute(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE),
                    version[0]);
        }
    }

    private int attribute(int which) {
        int[] value = new int[1];
        check("cuDeviceGetAttribute", cudart.cuDeviceGetAttribute(value, which, device));
        return value[0];
    }

    /** Loads compiled kernels. */
    void load(byte[] image) {
        CUmod_st module = new CUmod_st();
        try (BytePointer bytes = new BytePointer(image)) {
            check("cuModuleLoadData", cudart.cuModuleLoadData(module, bytes));
        }
        modules.add(module);
    }

    /** Looks a kernel up in the loaded modules and checks its first launch's arguments, once. */
    private CUfunc_st function(String kernel, KernelArgs args) {
        CUfunc_st known = functions.get(kernel);
        if (known != null) {
            return known;
        }
        for (CUmod_st module : modules) {
            CUfunc_st function = new CUfunc_st();
            int result = cudart.cuModuleGetFunction(function, module, kernel);
            if (result == CUDA_SUCCESS) {
                checkArguments(kernel, function, args);
                functions.put(kernel, function);
                return function;
            }
            if (result != CUDA_ERROR_NOT_FOUND) {
                check("cuModuleGetFunction " + kernel, result);
            }
        }
        throw new CudaException("there is no kernel named " + kernel);
    }

    /**
     * The driver reads as many arguments as the kernel has parameters, whatever was given: a
     * missing one would be the one of a launch before.
     */
    private static void checkArguments(String kernel, CUfunc_st function, KernelArgs args) {
        try (SizeTPointer offset = new SizeTPointer(1);
                SizeTPointer bytes = new SizeTPointer(1)) {
            for (int i = 0; i <= args.count(); i++) {
                int result = cudart.cuFuncGetParamInfo(function, i, offset, bytes);
                long has = result == CUDA_SUCCESS ? bytes.get() : 0;
                long given = i < args.count() ? args.bytes(i) : 0;
                if (has != given) {
                    throw new CudaException(
                            "%s: argument %d has %d bytes, its parameter %d"
                                    .formatted(kernel, i, given, has));
                }
            }
        }
    }

    /** The stream, for libraries that queue their own work. */
    CUstream_st stream() {
        return stream;
    }

    @Override
    public DeviceProperties properties() {
        return properties;
    }

    @Override
    public long freeBytes() {
        try (SizeTPointer free = new SizeTPointer(1);
                SizeTPointer total = new SizeTPointer(1)) {
            check("cuMemGetInfo", cudart.cuMemGetInfo(free, total));
            return free.get();
        }
    }

    @Override
    public long allocate(long bytes) {
        long[] address = new long[1];
        int result = cudart.cuMemAlloc(address, bytes);
        if (result != CUDA_SUCCESS) {
            throw new CudaException(
                    "cuMemAlloc: %s: %,d bytes wanted, %,d free"
                            .formatted(text(result), bytes, freeBytes()));
        }
        return address[0];
    }

    @Override
    public void free(long address) {
        check("cuMemFree", cudart.cuMemFree(address));
    }

    @Override
    public MemorySegment allocateHost(long bytes) {
        try (PointerPointer<Pointer> memory = new PointerPointer<>(1)) {
            check("cuMemAllocHost", cudart.cuMemAllocHost(memory, bytes));
            hostMemory.add(new Address(memory.get().address()));
            return memory(memory.get().address(), bytes);
        }
    }

    @SuppressWarnings("restricted") // the driver has just given this memory
    private static MemorySegment memory(long address, long bytes) {
        return MemorySegment.ofAddress(address).reinterpret(bytes);
    }

    @Override
    public void copyToDevice(long to, MemorySegment from) {
        check(
                "cuMemcpyHtoDAsync",
                cudart.cuMemcpyHtoDAsync(to, new Address(from.address()), from.byteSize(), stream));
    }

    @Override
    public void copyToHost(MemorySegment to, long from) {
        check(
                "cuMemcpyDtoHAsync",
                cudart.cuMemcpyDtoHAsync(new Address(to.address()), from, to.byteSize(), stream));
    }

    @Override
    public void copy(long to, long from, long bytes) {
        check("cuMemcpyDtoDAsync", cudart.cuMemcpyDtoDAsync(to, from, bytes, stream));
    }

    @Override
    public void fill(long to, int value, long bytes) {
        check("cuMemsetD8Async", cudart.cuMemsetD8Async(to, (byte) value, bytes, stream));
    }

    @Override
    public void launch(String kernel, LaunchPlan plan, KernelArgs args) {
        CUfunc_st function = function(kernel, args);
        if (plan.sharedBytes() > sharedBytes.getOrDefault(kernel, SHARED_BYTES_WITHOUT_ASKING)) {
            check(
                    "cuFuncSetAttribute " + kernel,
                    cudart.cuFuncSetAttribute(
                            function,
                            CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                            plan.sharedBytes()));
            sharedBytes.put(kernel, plan.sharedBytes());
        }
        for (int i = 0; i < args.count(); i++) {
            values.put(i, args.bits(i));
        }
        check(
                "cuLaunchKernel " + kernel,
                cudart.cuLaunchKernel(
                        function,
                        plan.gridX(),
                        plan.gridY(),
                        1,
                        plan.block(),
                        1,
                        1,
                        plan.sharedBytes(),
                        stream,
                        parameters,
                        null));
    }

    @Override
    public long createEvent() {
        CUevent_st event = new CUevent_st();
        check("cuEventCreate", cudart.cuEventCreate(event, 0));
        events.add(event);
        return events.size() - 1;
    }

    @Override
    public void record(long event) {
        check("cuEventRecord", cudart.cuEventRecord(events.get((int) event), stream));
    }

    @Override
    public void await(long event) {
        check("cuEventSynchronize", cudart.cuEventSynchronize(events.get((int) event)));
    }

    @Override
    public float elapsedMs(long first, long second) {
        float[] ms = new float[1];
        check(
                "cuEventElapsedTime",
                cudart.cuEventElapsedTime(ms, events.get((int) first), events.get((int) second)));
        return ms[0];
    }

    @Override
    public void synchronize() {
        check("cuStreamSynchronize", cudart.cuStreamSynchronize(stream));
    }

    @Override
    public void beginCapture() {
        check(
                "cuStreamBeginCapture",
                cudart.cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    }

    @Override
    public long endCapture() {
        CUgraph_st graph = new CUgraph_st();
        check("cuStreamEndCapture", cudart.cuStreamEndCapture(stream, graph));
        CUgraphExec_st executable = new CUgraphExec_st();
        check("cuGraphInstantiate", cudart.cuGraphInstantiate(executable, graph, 0));
        check("cuGraphDestroy", cudart.cuGraphDestroy(graph));
        graphs.add(executable);
        return graphs.size() - 1;
    }

    @Override
    public void launchGraph(long graph) {
        check("cuGraphLaunch", cudart.cuGraphLaunch(graphs.get((int) graph), stream));
    }

    /** Device memory goes with the context; pinned memory and handles are given back one by one. */
    @Override
    public void close() {
        cudart.cuStreamSynchronize(stream); // an error was reported where it happened
        graphs.forEach(cudart::cuGraphExecDestroy);
        events.forEach(cudart::cuEventDestroy);
        modules.forEach(cudart::cuModuleUnload);
        hostMemory.forEach(cudart::cuMemFreeHost);
        cudart.cuStreamDestroy(stream);
        cudart.cuDevicePrimaryCtxRelease(device);
        values.close();
        parameters.close();
    }

    private static void check(String call, int result) {
        if (result != CUDA_SUCCESS) {
            throw new CudaException(call + ": " + text(result));
        }
    }

    private static String text(int result) {
        try (PointerPointer<BytePointer> name = new PointerPointer<>(1);
                PointerPointer<BytePointer> meaning = new PointerPointer<>(1)) {
            if (cudart.cuGetErrorName(result, name) != CUDA_SUCCESS
                    || cudart.cuGetErrorString(result, meaning) != CUDA_SUCCESS) {
                return "error " + result;
            }
            return name.get(BytePointer.class, 0).getString()
                    + ", "
                    + meaning.get(BytePointer.class, 0).getString();
        }
    }
}
