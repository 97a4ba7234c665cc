// A recursive (IIR) filter along lines of voxels: Deriche's Gaussian and its second derivative, as ITK runs it.
//
//     forth    y[i] = n0 x[i] + n1 x[i-1] + n2 x[i-2] + n3 x[i-3]   − (d1 y[i-1] + d2 y[i-2] + d3 y[i-3] + d4 y[i-4])
//     back     z[i] = m1 x[i+1] + m2 x[i+2] + m3 x[i+3] + m4 x[i+4] − (d1 z[i+1] + d2 z[i+2] + d3 z[i+3] + d4 z[i+4])
//     result   y[i] + z[i]
//
// Beyond its ends a line goes on with its outermost value for ever, for which y = x · bn_k / d_k and
// z = x · bm_k / d_k (itk::RecursiveSeparableImageFilter::FilterDataArray). Sums run from left to right, as
// written: with the same coefficients every bit is ITK's.
//
// Plain C++17 without standard headers: NVRTC compiles the same source. A line is a chain in which each step waits
// for the one before, so W adjacent lines go side by side: one vector instruction, or one CUDA thread (W = 1), each.
#pragma once

#if defined(__CUDACC_RTC__) || defined(__CUDACC__)
#define RS_LINE __device__ __forceinline__
#elif defined(_MSC_VER)
#define RS_LINE __forceinline
#else
#define RS_LINE inline __attribute__((always_inline))  // into callers compiled for wider vectors
#endif

namespace rs {

// Where each coefficient stands in the array that `radstore.images.filters.log` makes.
enum Coefficient { N = 0, M = 4, D = 8, BN = 12, BM = 16, COEFFICIENTS = 20 };
constexpr int SHORTEST = 4;  // voxels a line must have: the filter's order

RS_LINE double weighted(const double* c, double a0, double a1, double a2, double a3) {
    return a0 * c[0] + a1 * c[1] + a2 * c[2] + a3 * c[3];
}

// Filter W adjacent lines of n ≥ 4 voxels. Sample i of line l is x[i * x_step + l]; y and z are laid out alike with
// `step`, and hold the two runs on return: the result is y + z.
template <int W, class X>
RS_LINE void recurse(const double* c, int n, const X* x, long long x_step, double* y, double* z, long long step) {
    const auto at = [&](int i, int l) { return static_cast<double>(x[i * x_step + l]); };
    // 1. Forth: the first four samples look back beyond the line's beginning.
    for (int i = 0; i < SHORTEST; ++i) {
        for (int l = 0; l < W; ++l) {
            const double edge = at(0, l);
            double sample[4], fed[4], factor[4];
            for (int k = 0; k < 4; ++k) {
                sample[k] = i >= k ? at(i - k, l) : edge;
                fed[k] = i > k ? y[(i - k - 1) * step + l] : edge;
                factor[k] = i > k ? c[D + k] : c[BN + k];
            }
            y[i * step + l] = weighted(c + N, sample[0], sample[1], sample[2], sample[3]) -
                              weighted(factor, fed[0], fed[1], fed[2], fed[3]);
        }
    }
    for (int i = SHORTEST; i < n; ++i) {
        double* to = y + i * step;
        for (int l = 0; l < W; ++l) {
            to[l] = weighted(c + N, at(i, l), at(i - 1, l), at(i - 2, l), at(i - 3, l)) -
                    weighted(c + D, to[l - step], to[l - 2 * step], to[l - 3 * step], to[l - 4 * step]);
        }
    }
    // 2. Back: the last four look beyond its end.
    for (int i = 0; i < SHORTEST; ++i) {
        for (int l = 0; l < W; ++l) {
            const double edge = at(n - 1, l);
            double sample[4], fed[4], factor[4];
            for (int k = 0; k < 4; ++k) {
                sample[k] = i > k ? at(n - i + k, l) : edge;
                fed[k] = i > k ? z[(n - i + k) * step + l] : edge;
                factor[k] = i > k ? c[D + k] : c[BM + k];
            }
            z[(n - 1 - i) * step + l] = weighted(c + M, sample[0], sample[1], sample[2], sample[3]) -
                                        weighted(factor, fed[0], fed[1], fed[2], fed[3]);
        }
    }
    for (int i = n - SHORTEST - 1; i >= 0; --i) {
        double* to = z + i * step;
        for (int l = 0; l < W; ++l) {
            to[l] = weighted(c + M, at(i + 1, l), at(i + 2, l), at(i + 3, l), at(i + 4, l)) -
                    weighted(c + D, to[l + step], to[l + 2 * step], to[l + 3 * step], to[l + 4 * step]);
        }
    }
}

}  // namespace rs
