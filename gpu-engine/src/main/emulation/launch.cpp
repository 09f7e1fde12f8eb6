// Kernels by name, and the launch: thread blocks one after the other, in an order that no kernel should rely
// on.
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "machine.h"

namespace emu {

struct Kernel {
    const char* name;
    void (*function)();
    EmuThunk thunk;
    const int* parameterBytes;
    int parameters;
};
static std::vector<Kernel>& kernels() {
    static std::vector<Kernel> all;
    return all;
}
void forgetPending();

static bool checkShape(const int grid[3], const int dim[3], int sharedBytes) {
    const int gridMost[3] = {0x7fffffff, 65535, 65535};
    for (int i = 0; i < 3; i++) {
        if (grid[i] < 1 || grid[i] > gridMost[i] || dim[i] < 1) {
            fail("%s: a grid of %d x %d x %d thread blocks of %d x %d x %d threads cannot be launched",
                 block.kernel, grid[0], grid[1], grid[2], dim[0], dim[1], dim[2]);
            return false;
        }
    }
    if ((long long)dim[0] * dim[1] * dim[2] > MAX_THREADS || sharedBytes < 0 || sharedBytes > MAX_SHARED) {
        fail(
            "%s: %d x %d x %d threads with %d bytes of shared memory; a thread block has at most %d threads "
            "and %d bytes",
            block.kernel, dim[0], dim[1], dim[2], sharedBytes, MAX_THREADS, MAX_SHARED);
        return false;
    }
    return true;
}

/** A kernel reads as many arguments as it has parameters, whatever it was given. */
static bool checkArguments(const Kernel& kernel, const int* argumentBytes, int arguments) {
    if (arguments != kernel.parameters) {
        fail("%s: %d arguments for %d parameters", kernel.name, arguments, kernel.parameters);
        return false;
    }
    for (int i = 0; i < arguments; i++) {
        if (argumentBytes[i] != kernel.parameterBytes[i]) {
            fail("%s: argument %d has %d bytes, its parameter %d", kernel.name, i, argumentBytes[i],
                 kernel.parameterBytes[i]);
            return false;
        }
    }
    return true;
}

} // namespace emu

using namespace emu;

EmuRegistration::EmuRegistration(const char* name, void (*kernel)(), EmuThunk thunk,
                                 const int* parameterBytes, int parameters) {
    kernels().push_back({name, kernel, thunk, parameterBytes, parameters});
}

extern "C" int mr_emu_kernel_count(void) { return (int)kernels().size(); }
extern "C" const char* mr_emu_kernel_name(int index) { return kernels().at((size_t)index).name; }

extern "C" int mr_emu_launch(const char* name, const int grid[3], const int dim[3], int sharedBytes,
                             void** args, const int* argumentBytes, int arguments) {
    clearError();
    const Kernel* kernel = nullptr;
    for (const Kernel& k : kernels()) {
        kernel = strcmp(k.name, name) == 0 ? &k : kernel;
    }
    if (kernel == nullptr) {
        fail("there is no kernel named %s", name);
        return 1;
    }
    block.kernel = kernel->name;
    if (!checkArguments(*kernel, argumentBytes, arguments) || !checkShape(grid, dim, sharedBytes)) {
        return 1;
    }
    block.grid = {(unsigned)grid[0], (unsigned)grid[1], (unsigned)grid[2]};
    block.dim = {(unsigned)dim[0], (unsigned)dim[1], (unsigned)dim[2]};
    block.threads = dim[0] * dim[1] * dim[2];
    block.sharedBytes = sharedBytes;
    long long blocks = (long long)grid[0] * grid[1] * grid[2];
    long long stride = std::max(1LL, blocks * 5 / 8);
    while (std::gcd(stride, blocks) != 1) {
        stride++;
    }
    for (long long i = 0; i < blocks; i++) {
        long long at = i * stride % blocks;
        block.place = {(unsigned)(at % grid[0]), (unsigned)(at / grid[0] % grid[1]),
                       (unsigned)(at / grid[0] / grid[1])};
        if (!runBlock(kernel->function, kernel->thunk, args)) {
            forgetPending();
            return 1;
        }
    }
    return 0;
}
