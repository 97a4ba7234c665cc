// The second largest eigenvalue, by magnitude, of a small symmetric matrix of which the largest and its vector are
// known: that pair is split off, the rest is made tridiagonal (Householder 1958), and of the tridiagonal matrix only the
// outermost eigenvalue is looked for, by Laguerre's method, which comes down on it from outside without overshooting
// (Parlett 1964; Wilkinson 1965, chapter 7).
#pragma once

#include "common.hpp"

namespace rs {

// Loops over rows go in blocks, which compilers turn into vector instructions: rows have room for whole ones.
template <i32 BLOCK>
RS_FN constexpr i32 blocks(i32 n) { return (n + BLOCK - 1) / BLOCK * BLOCK; }

// Split off eigenvalue 1: the reflection that takes its unit vector to axis 0 leaves the other eigenvalues in the
// rows and columns from 1 on; they are written to `rest`, rows `width` apart (it may be a itself, then they overwrite
// what has been read). a: n × n, row-major; vector: no negative entry; work: n.
RS_FN void split_off(const double* a, i32 n, const double* vector, double* work, double* rest, i32 width) {
    // With u = vector + axis 0 and b = 2 / uᵀu: A u = vector + column 0, and A − b (Au) uᵀ − … is A − w uᵀ − u wᵀ.
    const double b = 1 / (1 + vector[0]);
    double along = (vector[0] + 1) * (vector[0] + a[0]);
    for (i32 i = 1; i < n; ++i) along += vector[i] * (vector[i] + a[i]);
    along *= b * b / 2;
    for (i32 i = 1; i < n; ++i) work[i] = b * (vector[i] + a[i]) - along * vector[i];
    for (i32 i = 1; i < n; ++i) {
        const double* from = a + static_cast<i64>(i) * n;
        double* to = rest + static_cast<i64>(i - 1) * width - 1;
        const double u = vector[i], w = work[i];
        for (i32 j = 1; j < n; ++j) to[j] = from[j] - (u * work[j] + w * vector[j]);
        for (i32 j = n; j <= width; ++j) to[j] = 0;
    }
}

// A symmetric matrix made tridiagonal, from the last row up: d is the diagonal, e2[i] the square of the entry beside
// d[i] and d[i + 1]. a: n rows, `width` apart, a multiple of BLOCK; destroyed. p: blocks(n).
template <i32 BLOCK>
RS_FN void tridiagonal(double* a, i32 n, i32 width, double* p, double* d, double* e2) {
    for (i32 k = n - 1; k >= 0; --k) {
        // The row left of the diagonal becomes the reflection's vector. What a block has beyond k is not used again.
        double* __restrict v = a + static_cast<i64>(k) * width;
        double* __restrict q = p;
        const i32 length = blocks<BLOCK>(k);
        d[k] = v[k];
        if (k == 0) break;
        const double last = v[k - 1];
        double rest = 0;
        for (i32 i = 0; i < k - 1; ++i) rest += v[i] * v[i];
        const double square = rest + last * last;
        e2[k - 1] = square;
        if (rest == 0) continue;  // tridiagonal already
        const double norm = sqrt(square);
        v[k - 1] = last < 0 ? last - norm : last + norm;
        for (i32 i = k; i < length; ++i) v[i] = 0;
        const double b = 1 / (square + fabs(last) * norm);  // 2 / vᵀv
        for (i32 i = 0; i < length; ++i) q[i] = 0;
        i32 j = 0;
        for (; j + 2 <= k; j += 2) {  // two rows at a time: half as many visits to q
            const double *row = a + static_cast<i64>(j) * width, *next = row + width;
            const double one = b * v[j], two = b * v[j + 1];
            for (i32 i = 0; i < length; i += BLOCK) {
                for (i32 c = i; c < i + BLOCK; ++c) q[c] += one * row[c] + two * next[c];
            }
        }
        if (j < k) {
            const double* row = a + static_cast<i64>(j) * width;
            for (i32 i = 0; i < k; ++i) q[i] += b * v[j] * row[i];
        }
        double along = 0;
        for (i32 i = 0; i < k; ++i) along += v[i] * q[i];
        along *= b / 2;
        for (i32 i = 0; i < k; ++i) q[i] -= along * v[i];
        for (j = 0; j < k; ++j) {
            double* __restrict row = a + static_cast<i64>(j) * width;
            const double vj = v[j], qj = q[j];
            for (i32 i = 0; i < length; i += BLOCK) {
                for (i32 c = i; c < i + BLOCK; ++c) row[c] -= vj * q[c] + qj * v[c];
            }
        }
    }
}

// det(x − sign · T) of a tridiagonal matrix with its first two derivatives, up to a common factor.
struct Determinant {
    double value, first, second;
    bool below;  // whether all eigenvalues are below x: all leading minors are positive

    RS_FN Determinant(const double* d, const double* e2, i32 begin, i32 end, double sign, double x) {
        double q = 1, q1 = 0, q2 = 0, p = 0, p1 = 0, p2 = 0;  // this minor and the one before
        below = true;
        for (i32 i = begin; i < end; ++i) {
            const double t = x - sign * d[i], e = i > begin ? e2[i - 1] : 0.0;
            const double r = t * q - e * p, r1 = t * q1 - e * p1 + q, r2 = t * q2 - e * p2 + 2 * q1;
            p = q, p1 = q1, p2 = q2;
            q = r, q1 = r1, q2 = r2;
            below = below && q > 0;
            if (i % 16) continue;
            const double size = fabs(q) + fabs(p);
            if (size < 1e-100 || size > 1e100) {  // long matrices would run out of exponents
                const double factor = size < 1e-100 ? 1e100 : 1e-100;
                p *= factor, p1 *= factor, p2 *= factor;
                q *= factor, q1 *= factor, q2 *= factor;
            }
        }
        value = q;
        first = q1;
        second = q2;
    }
};

constexpr i32 LAGUERRE_STEPS = 30;  // 4 or 5 do, but for eigenvalues that lie many together

// The largest eigenvalue of sign · T, rows begin … end − 1, or `least` if it is not above that. None is above 1.
RS_FN double largest(const double* d, const double* e2, i32 begin, i32 end, double sign, double least) {
    const double n = end - begin;
    double x = least, before = 0;
    for (i32 i = begin; i < end; ++i) {  // Gershgorin
        const double left = i > begin ? sqrt(e2[i - 1]) : 0, right = i + 1 < end ? sqrt(e2[i]) : 0;
        const double most = sign * d[i] + left + right;
        if (most > x) x = most;
    }
    if (x > 1) x = 1;
    if (x <= least || n == 1) return x > least ? x : least;
    if (least > 0 && Determinant(d, e2, begin, end, sign, least).below) return least;
    for (i32 iteration = 0; iteration < LAGUERRE_STEPS; ++iteration) {
        const Determinant q(d, e2, begin, end, sign, x);
        if (!q.below) return x;  // rounding has passed it
        const double G = q.first / q.value, H = G * G - q.second / q.value;
        const double root = (n - 1) * (n * H - G * G);
        const double step = n / (G + (root > 0 ? sqrt(root) : 0));
        x -= step;
        const double shrink = before > 0 ? step / before : 1;
        if (step * shrink * shrink < 1e-13 * x) return x;  // convergence is cubic: the next step does not show
        before = step;
    }
    for (i32 iteration = 0; iteration < 50; ++iteration) {
        const double middle = (least + x) / 2;
        (Determinant(d, e2, begin, end, sign, middle).below ? x : least) = middle;
    }
    return x;
}

constexpr i32 SMALL_MATRIX = 33;  // up to here rows are laid out in blocks, on the stack

// The second largest magnitude of a symmetric matrix (n × n, row-major; destroyed) whose largest eigenvalue is 1.
// vector: its unit vector, no negative entry; destroyed. work: n.
RS_FN double second_largest_magnitude(double* a, i32 n, double* vector, double* work) {
    if (n < 2) return 0.0;
    double *d = vector, *e2 = work;
    if (n <= SMALL_MATRIX) {
        constexpr i32 BLOCK = 4, MOST = blocks<BLOCK>(SMALL_MATRIX - 1);
        double small[MOST * MOST], p[MOST];
        const i32 width = blocks<BLOCK>(n - 1);
        split_off(a, n, vector, work, small, width);
        tridiagonal<BLOCK>(small, n - 1, width, p, d, e2);
    } else {
        split_off(a, n, vector, work, a, n - 1);
        tridiagonal<1>(a, n - 1, n - 1, d, d, e2);  // d is not taken yet where p is used
    }
    double most = 0;
    for (i32 begin = 0, end = 0; begin < n - 1; begin = end) {
        do ++end; while (end < n - 1 && e2[end - 1] > 1e-30);  // what is smaller moves no eigenvalue by 1e-15
        most = largest(d, e2, begin, end, 1, most);
        most = largest(d, e2, begin, end, -1, most);
    }
    return most;
}

}  // namespace rs
