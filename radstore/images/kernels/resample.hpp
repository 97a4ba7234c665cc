// B-spline resampling of a volume on the CPU, onto a grid along the same axes.
#pragma once

#include "lines.hpp"
#include "spline.hpp"

namespace rs {

RS_WIDE inline void decompose_lines(int n, double last, double* c) { decompose<W>(n, last, c, W); }

// A line filter for `filter`: samples → coefficients.
struct Decomposition {
    double last;
    void operator()(int n, Lines& b) const {
        std::swap(b.x, b.y);
        decompose_lines(n, last, b.y.data());
    }
};

// Samples → coefficients in place, along x, then y, then z. `last` is as in `decompose`, for z, y, x.
inline void decompose_volume(double* c, const Shape& s, const double (&last)[3], int threads) {
    const auto buffer_of_one = [&] { return Lines(s.longest()); };
    share(s.z, threads, buffer_of_one, [&](i64 z, Lines& buffer) {
        double* p = c + z * s.plane();
        rows(s, p, buffer, Decomposition{last[2]}, [&](i64 i, double v) { p[i] = v; });
        columns(s, p, buffer, Decomposition{last[1]}, [&](i64 i, double v) { p[i] = v; });
    });
    share(s.y, threads, buffer_of_one, [&](i64 y, Lines& buffer) {
        for (i64 x = 0; x < s.x; x += W) {
            double* p = c + y * s.x + x;
            filter(s.z, std::min<i64>(W, s.x - x), p, s.plane(), 1, buffer, Decomposition{last[0]},
                   [&](i64 i, double v) { p[i] = v; });
        }
    });
}

RS_WIDE inline void interpolate_row(const double* c, const Shape& s, const Taps4 (&axis)[3], i64 z, i64 y, double* out) {
    constexpr int SIDE = 8;
    i64 x = 0;
    for (; x + SIDE <= axis[2].n; x += SIDE) {
        interpolate<SIDE>(c, s.plane(), s.x, axis[0], axis[1], axis[2], z, y, x, out + x);
    }
    for (; x < axis[2].n; ++x) interpolate<1>(c, s.plane(), s.x, axis[0], axis[1], axis[2], z, y, x, out + x);
}

// Taps for z, y, x.
inline void interpolate_volume(const double* c, const Shape& s, const Taps4 (&axis)[3], double* out, int threads) {
    share(axis[0].n, threads, [] { return 0; }, [&](i64 z, int) {
        for (i64 y = 0; y < axis[1].n; ++y) {
            interpolate_row(c, s, axis, z, y, out + (z * axis[1].n + y) * axis[2].n);
        }
    });
}

}  // namespace rs
