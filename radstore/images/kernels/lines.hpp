// Lines of voxels on the CPU: gathered W at a time, filtered, put back.
#pragma once

#include <algorithm>
#include <vector>

#include "parallel.hpp"

namespace rs {

constexpr int W = 16;  // lines side by side: a cache line of float32

struct Shape {
    i64 z, y, x;
    i64 plane() const { return y * x; }
    i64 size() const { return z * y * x; }
    i64 longest() const { return std::max({z, y, x}); }
};

// What one thread works in: W lines, sample by sample, and twice as much for what a filter makes of them.
struct Lines {
    std::vector<double> x, y, z;
    explicit Lines(i64 longest) : x(longest * W), y(longest * W), z(longest * W) {}
};

// Filter `lines` ≤ W lines of n samples: sample i of line l is from[i * step + l * apart]. run(n, buffer) turns
// buffer.x into buffer.y, and put(place, value) takes the result.
template <class T, class Run, class Put>
void filter(i64 n, i64 lines, const T* from, i64 step, i64 apart, Lines& buffer, const Run& run, const Put& put) {
    double* x = buffer.x.data();
    const double* y = buffer.y.data();
    if (lines < W) std::fill(x, x + n * W, 0.0);
    if (apart == 1) {
        for (i64 i = 0; i < n; ++i) {
            for (i64 l = 0; l < lines; ++l) x[i * W + l] = static_cast<double>(from[i * step + l]);
        }
    } else {
        for (i64 l = 0; l < lines; ++l) {
            for (i64 i = 0; i < n; ++i) x[i * W + l] = static_cast<double>(from[i * step + l * apart]);
        }
    }
    run(static_cast<int>(n), buffer);
    if (apart == 1) {
        for (i64 i = 0; i < n; ++i) {
            for (i64 l = 0; l < lines; ++l) put(i * step + l, y[i * W + l]);
        }
    } else {
        for (i64 l = 0; l < lines; ++l) {
            for (i64 i = 0; i < n; ++i) put(i * step + l * apart, y[i * W + l]);
        }
    }
}

// All lines along x of a plane, or along y; `put` gets places in the plane.
template <class T, class Run, class Put>
void rows(const Shape& s, const T* from, Lines& buffer, const Run& run, const Put& put) {
    for (i64 y = 0; y < s.y; y += W) {
        filter(s.x, std::min<i64>(W, s.y - y), from + y * s.x, 1, s.x, buffer, run,
               [&](i64 place, double value) { put(y * s.x + place, value); });
    }
}

template <class T, class Run, class Put>
void columns(const Shape& s, const T* from, Lines& buffer, const Run& run, const Put& put) {
    for (i64 x = 0; x < s.x; x += W) {
        filter(s.y, std::min<i64>(W, s.x - x), from + x, s.x, 1, buffer, run,
               [&](i64 place, double value) { put(x + place, value); });
    }
}

}  // namespace rs
