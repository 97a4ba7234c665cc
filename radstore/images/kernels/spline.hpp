// Cubic B-spline interpolation as ITK does it, bit for bit.
//
// Bits matter: ITK cuts off the decimals of integer images, so in an area of one value (air, a clipped window) the
// rounding of the last bit decides between that value and the one beside it.
//
// Decomposition, along each axis in turn (itk::BSplineDecompositionImageFilter; M. Unser, *Splines: a perfect fit for
// signal and image processing*, 1999, box 2), for the pole p = √3 − 2 and an image mirrored at its first and last voxel:
//
//     c[i] ← 6 x[i];   c[i] += p c[i−1] forth;   c[i] = p (c[i+1] − c[i]) back
//
// Plain C++17 without standard headers: NVRTC compiles the same source.
#pragma once

#include "line.hpp"

namespace rs {

constexpr int TAPS = 4;     // coefficients an interpolated value takes along each axis
constexpr int HORIZON = 18;  // samples after which ITK takes p^n for nothing: ⌈ln 1e-10 / ln |p|⌉
constexpr double POLE = -0.2679491924311228;
constexpr double GAIN = (1.0 - POLE) * (1.0 - 1.0 / POLE);

// Samples of W adjacent lines → coefficients, in place. Sample i of line l is c[i * step + l]; `last` is p^(n−1), read
// only where n ≤ HORIZON.
template <int W>
RS_LINE void decompose(int n, double last, double* c, i64 step) {
    if (n == 1) return;
    for (int i = 0; i < n; ++i) {
        for (int l = 0; l < W; ++l) c[i * step + l] *= GAIN;
    }
    for (int l = 0; l < W; ++l) {
        double power = POLE, sum = c[l];
        if (n > HORIZON) {
            for (int i = 1; i < HORIZON; ++i) {
                sum += power * c[i * step + l];
                power *= POLE;
            }
            c[l] = sum;
        } else {
            double back = last;
            sum += back * c[(n - 1) * step + l];
            back *= back * (1.0 / POLE);
            for (int i = 1; i <= n - 2; ++i) {
                sum += (power + back) * c[i * step + l];
                power *= POLE;
                back *= 1.0 / POLE;
            }
            c[l] = sum / (1.0 - power * power);
        }
    }
    for (int i = 1; i < n; ++i) {
        double* to = c + i * step;
        for (int l = 0; l < W; ++l) to[l] += POLE * to[l - step];
    }
    double* end = c + (n - 1) * step;
    for (int l = 0; l < W; ++l) end[l] = (POLE / (POLE * POLE - 1.0)) * (POLE * end[l - step] + end[l]);
    for (int i = n - 2; i >= 0; --i) {
        double* to = c + i * step;
        for (int l = 0; l < W; ++l) to[l] = POLE * (to[l + step] - to[l]);
    }
}

// Which coefficients the values along one axis take, and their weights: tap k of value i is at [k * n + i].
struct Taps4 {
    const int* place;
    const double* weight;
    i64 n;
};

// W values side by side from x on, in the row y of the plane z. Sixty-four products, summed with x fastest.
template <int W>
RS_LINE void interpolate(const double* c, i64 plane, i64 row, const Taps4& az, const Taps4& ay, const Taps4& ax, i64 z,
                         i64 y, i64 x, double* out) {
    double sum[W];
    for (int l = 0; l < W; ++l) sum[l] = 0.0;
    for (int k = 0; k < TAPS; ++k) {
        const double wz = az.weight[k * az.n + z];
        for (int j = 0; j < TAPS; ++j) {
            const double wy = ay.weight[j * ay.n + y];
            const double* line = c + az.place[k * az.n + z] * plane + ay.place[j * ay.n + y] * row;
            for (int i = 0; i < TAPS; ++i) {
                const double* wx = ax.weight + i * ax.n + x;
                const int* place = ax.place + i * ax.n + x;
                for (int l = 0; l < W; ++l) sum[l] += wx[l] * wy * wz * line[place[l]];
            }
        }
    }
    for (int l = 0; l < W; ++l) out[l] = sum[l];
}

}  // namespace rs
