// Laplacian of Gaussian of a volume on the CPU.
//
// ITK runs nine line filters, three a term, each through the whole volume and through memory. Here the same nine run
// in three sweeps, so that what one leaves the next finds in the cache:
//
//     1. each plane z      out = Gy Lx in,   b = Gx Ly in
//     2. lines along z     out = Gz out · 1/dx² + Gz b · 1/dy²,   b = Lz in
//     3. each plane z      out += Gy Gx b · 1/dz²
//
// (G smooths, L takes the second derivative; everything between two line filters is float32, as in ITK.) A thread
// takes whole planes or rows, and none reads what another writes in the same sweep.
#pragma once

#include "lines.hpp"
#include "recursive.hpp"

namespace rs {

RS_WIDE inline void run_lines(const double* c, int n, const double* x, double* y, double* z) {
    recurse<W>(c, n, x, W, y, z, W);
    for (i64 i = 0; i < static_cast<i64>(n) * W; ++i) y[i] += z[i];
}

// A line filter with one set of coefficients, for `filter`.
struct Recursion {
    const double* coefficients;
    void operator()(int n, Lines& b) const { run_lines(coefficients, n, b.x.data(), b.y.data(), b.z.data()); }
};

// The line filters of one axis, and what turns its term into one per mm².
struct Axis {
    Recursion smooth, second;
    double weight;
};

// A term of the sum: rounded to float32 as ITK's last line filter leaves it, then weighted.
inline double term(double value, double weight) { return static_cast<double>(static_cast<float>(value)) * weight; }

// `b` is scratch of the volume's size; axes in the order x, y, z.
template <class T>
void laplacian(const T* in, const Shape& s, const Axis (&axis)[3], float* out, float* b, int threads) {
    const Axis &ax = axis[0], &ay = axis[1], &az = axis[2];
    const i64 plane = s.plane();
    const auto buffer_of_one = [&] { return Lines(s.longest()); };
    share(s.z, threads, buffer_of_one, [&](i64 z, Lines& buffer) {
        const T* from = in + z * plane;
        float *pa = out + z * plane, *pb = b + z * plane;
        const auto into_a = [&](i64 i, double v) { pa[i] = static_cast<float>(v); };
        const auto into_b = [&](i64 i, double v) { pb[i] = static_cast<float>(v); };
        rows(s, from, buffer, ax.second, into_a);
        columns(s, pa, buffer, ay.smooth, into_a);
        columns(s, from, buffer, ay.second, into_b);
        rows(s, pb, buffer, ax.smooth, into_b);
    });
    share(s.y, threads, buffer_of_one, [&](i64 y, Lines& buffer) {
        for (i64 x = 0; x < s.x; x += W) {
            const i64 first = y * s.x + x, lines = std::min<i64>(W, s.x - x);
            float *po = out + first, *pb = b + first;
            filter(s.z, lines, po, plane, 1, buffer, az.smooth,
                   [&](i64 i, double v) { po[i] = static_cast<float>(term(v, ax.weight)); });
            filter(s.z, lines, pb, plane, 1, buffer, az.smooth,
                   [&](i64 i, double v) { po[i] = static_cast<float>(static_cast<double>(po[i]) + term(v, ay.weight)); });
            filter(s.z, lines, in + first, plane, 1, buffer, az.second,
                   [&](i64 i, double v) { pb[i] = static_cast<float>(v); });
        }
    });
    share(s.z, threads, buffer_of_one, [&](i64 z, Lines& buffer) {
        float *po = out + z * plane, *pb = b + z * plane;
        rows(s, pb, buffer, ax.smooth, [&](i64 i, double v) { pb[i] = static_cast<float>(v); });
        columns(s, pb, buffer, ay.smooth,
                [&](i64 i, double v) { po[i] = static_cast<float>(static_cast<double>(po[i]) + term(v, az.weight)); });
    });
}

}  // namespace rs
