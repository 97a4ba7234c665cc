// Which samples a periodic convolution adds up, and in which order: one step of a stationary wavelet transform.
//
//     out[i] = Σ_j taps[j] · in[(i + half − j) mod n],   half = length / 2
//
// summed in the volume's type in the order of j, but for the last `half` samples, whose first taps reach beyond the
// end: those come first, from the outermost inwards (PyWavelets' downsampling_convolution_periodization, step 1).
//
// Plain C++17 without standard headers: NVRTC compiles the same source.
#pragma once

#include "line.hpp"

namespace rs {

// Where sample i of n reads for its step-th addend, and which tap weighs it.
struct Taps {
    i64 n;
    int length;

    RS_LINE int half() const { return length / 2; }
    RS_LINE int tap(i64 i, int step) const {
        const i64 beyond = i + half() - n;  // the last tap beyond the end
        return static_cast<int>(step <= beyond ? beyond - step : step);
    }
    RS_LINE i64 place(i64 i, int tap) const { return ((i + half() - tap) % n + n) % n; }
};

}  // namespace rs
