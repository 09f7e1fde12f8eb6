// Number formats as bit patterns, for the emulation's own arithmetic.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

namespace emu {

inline float fromBf16(uint16_t bits) {
    uint32_t word = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &word, 4);
    return value;
}

inline uint16_t toBf16(float value) {
    uint32_t word;
    memcpy(&word, &value, 4);
    if (std::isnan(value)) {
        return 0x7fff;
    }
    return (uint16_t)((word + 0x7fff + (word >> 16 & 1)) >> 16);
}

/** Sign, `exponentBits` with a bias of half their range, then the rest; subnormals included. */
inline float decode(unsigned bits, int exponentBits, int mantissaBits) {
    unsigned mantissa = bits & ((1u << mantissaBits) - 1);
    int exponent = (int)(bits >> mantissaBits & ((1u << exponentBits) - 1));
    int bias = (1 << (exponentBits - 1)) - 1;
    float size = exponent == 0
                     ? std::ldexp((float)mantissa, 1 - bias - mantissaBits)
                     : std::ldexp((float)(mantissa | 1u << mantissaBits), exponent - bias - mantissaBits);
    return bits >> (exponentBits + mantissaBits) & 1 ? -size : size;
}

/** E4M3 as OCP FP8 and NVIDIA define it: no infinity, NaN where all bits but the sign are set. */
inline float fromE4m3(uint8_t bits) {
    static const auto table = [] {
        struct {
            float of[256];
        } values;
        for (int i = 0; i < 256; i++) {
            values.of[i] = (i & 0x7f) == 0x7f ? NAN : decode((unsigned)i, 4, 3);
        }
        return values;
    }();
    return table.of[bits];
}

inline float fromF16(uint16_t bits) {
    static const float* table = [] {
        float* values = new float[65536];
        for (unsigned i = 0; i < 65536; i++) {
            bool special = (i & 0x7c00) == 0x7c00;
            values[i] = !special ? decode(i, 5, 10) : (i & 0x3ff) ? NAN : (i & 0x8000) ? -INFINITY : INFINITY;
        }
        return values;
    }();
    return table[bits];
}

} // namespace emu
