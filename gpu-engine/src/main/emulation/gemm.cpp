// Where the real device calls cuBLASLt: the same products as plain loops. Rows are turned into F32 once; sums
// run in F64.
#include <initializer_list>
#include <utility>
#include <vector>

#include "machine.h"
#include "numbers.h"

using namespace emu;

namespace {

/** out[m, n] = sum of a[m, k] * w[n, k]; 64 columns of w at a time stay in the cache. */
template <typename Store>
void multiply(const std::vector<float>& a, const std::vector<float>& w, int M, int N, int K, Store store) {
    for (int m = 0; m < M; m++) {
        const float* x = &a[(size_t)m * K];
        for (int n = 0; n < N; n++) {
            const float* y = &w[(size_t)n * K];
            double sums[8] = {};
            int k = 0;
            for (; k + 8 <= K; k += 8) {
                for (int i = 0; i < 8; i++) {
                    sums[i] += (double)x[k + i] * y[k + i];
                }
            }
            for (; k < K; k++) {
                sums[0] += (double)x[k] * y[k];
            }
            store(m, n,
                  ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])));
        }
    }
}

std::vector<float> fromBf16s(const void* from, int rows, int cols) {
    std::vector<float> to((size_t)rows * cols);
    for (size_t i = 0; i < to.size(); i++) {
        to[i] = fromBf16(static_cast<const uint16_t*>(from)[i]);
    }
    return to;
}

/** scale(row, col) multiplies. */
template <typename Scale>
std::vector<float> fromE4m3s(const void* from, int rows, int cols, Scale scale) {
    std::vector<float> to((size_t)rows * cols);
    for (int r = 0; r < rows; r++) {
        for (int c = 0; c < cols; c++) {
            to[(size_t)r * cols + c] =
                fromE4m3(static_cast<const uint8_t*>(from)[(size_t)r * cols + c]) * scale(r, c);
        }
    }
    return to;
}

/** True if the operands lie inside allocations; the loops above do not look. */
bool present(std::initializer_list<std::pair<const void*, size_t>> operands) {
    clearError();
    for (const auto& [pointer, bytes] : operands) {
        if (!checkRange(pointer, bytes)) {
            return false;
        }
    }
    return true;
}

} // namespace

extern "C" int mr_emu_gemm_bf16(const void* a, const void* w, const float* bias, void* out, int outIsF32,
                                int M, int N, int K) {
    size_t m = (size_t)M, n = (size_t)N, k = (size_t)K;
    if (!present({{a, 2 * m * k}, {w, 2 * n * k}, {out, (outIsF32 ? 4 : 2) * m * n}})) {
        return 1;
    }
    multiply(fromBf16s(a, M, K), fromBf16s(w, N, K), M, N, K, [&](int m, int n, double sum) {
        float value = (float)(sum + (bias ? bias[n] : 0));
        if (outIsF32) {
            static_cast<float*>(out)[(size_t)m * N + n] = value;
        } else {
            static_cast<uint16_t*>(out)[(size_t)m * N + n] = toBf16(value);
        }
    });
    return 0;
}

extern "C" int mr_emu_gemm_fp8(const void* a, const float* aScale, const void* w, const float* wScale,
                               const float* bias, void* out, int M, int N, int K) {
    size_t m = (size_t)M, n = (size_t)N, k = (size_t)K;
    if (!present({{a, m * k}, {aScale, 4 * m}, {w, n * k}, {wScale, 4 * n}, {out, 2 * m * n}})) {
        return 1;
    }
    auto one = [](int, int) { return 1.0f; };
    multiply(fromE4m3s(a, M, K, one), fromE4m3s(w, N, K, one), M, N, K, [&](int m, int n, double sum) {
        static_cast<uint16_t*>(out)[(size_t)m * N + n] =
            toBf16((float)(sum * aScale[m] * wScale[n] + (bias ? bias[n] : 0)));
    });
    return 0;
}

extern "C" int mr_emu_gemm_fp8_block(const void* a, const float* aScale, int aScaleStride, const void* w,
                                     const float* wScale, const float* bias, void* out, int M, int N, int K) {
    int groups = (K + 127) / 128;
    size_t m = (size_t)M, n = (size_t)N, k = (size_t)K, scales = 4 * (size_t)groups;
    if (!present({{a, m * k},
                  {aScale, scales * (size_t)aScaleStride - 4 * ((size_t)aScaleStride - m)},
                  {w, n * k},
                  {wScale, scales * ((n + 127) / 128)},
                  {out, 2 * m * n}})) {
        return 1;
    }
    auto scaleA = [&](int m, int k) { return aScale[(size_t)(k / 128) * aScaleStride + m]; };
    auto scaleW = [&](int n, int k) { return wScale[(size_t)(n / 128) * groups + k / 128]; };
    multiply(fromE4m3s(a, M, K, scaleA), fromE4m3s(w, N, K, scaleW), M, N, K, [&](int m, int n, double sum) {
        static_cast<uint16_t*>(out)[(size_t)m * N + n] = toBf16((float)(sum + (bias ? bias[n] : 0)));
    });
    return 0;
}
