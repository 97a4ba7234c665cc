// The second largest eigenvalue, by magnitude, of a small symmetric matrix of which the largest and its vector are
// known: that pair is split off, the rest is made tridiagonal (Householder 1958), and of the tridiagonal matrix only the
// outermost eigenvalue is looked for, by Laguerre's method, which comes down on it from outside without overshooting
// (Parlett 1964; Wilkinson 1965, chapter 7).
#pragma once

#include "common.hpp"

namespace rs {

// Split off eigenvalue 1: the reflection that takes its unit vector to an axis leaves the other eigenvalues in the
// rows and columns from 1 on. a: n × n, row-major; vector: no negative entry; work: n.
RS_FN void split_off(double* a, i32 n, const double* vector, double* work) {
    // With u = vector + axis 0 and b = 2 / uᵀu: A u = vector + column 0, and A − b (Au) uᵀ − … is A − w uᵀ − u wᵀ.
    const double b = 1 / (1 + vector[0]);
    double along = (vector[0] + 1) * (vector[0] + a[0]);
    for (i32 i = 1; i < n; ++i) along += vector[i] * (vector[i] + a[i]);
    along *= b * b / 2;
    for (i32 i = 1; i < n; ++i) work[i] = b * (vector[i] + a[i]) - along * vector[i];
    for (i32 i = 1; i < n; ++i) {
        double* row = a + static_cast<i64>(i) * n;
        const double u = vector[i], w = work[i];
        for (i32 j = 1; j < n; ++j) row[j] -= u * work[j] + w * vector[j];
    }
}

// Rows and columns `first` … n − 1 made tridiagonal: d is their diagonal, e2[i] the square of the entry beside d[i]
// and d[i + 1]. Destroys a.
RS_FN void tridiagonal(double* a, i32 first, i32 n, double* d, double* e2) {
    for (i32 k = first; k < n; ++k) {
        double* v = a + static_cast<i64>(k) * n;  // the row from k + 1 on becomes the reflection's vector
        double square = 0, rest = 0;
        for (i32 i = k + 2; i < n; ++i) rest += v[i] * v[i];
        if (k + 1 < n) square = rest + v[k + 1] * v[k + 1];
        d[k] = v[k];
        e2[k] = square;
        if (rest == 0) continue;  // tridiagonal already
        v[k + 1] += v[k + 1] < 0 ? -sqrt(square) : sqrt(square);
        const double b = 2 / (rest + v[k + 1] * v[k + 1]);
        double* p = d;  // its entries from k + 1 on are not taken yet
        for (i32 i = k + 1; i < n; ++i) p[i] = 0;
        for (i32 j = k + 1; j < n; ++j) {
            const double* row = a + static_cast<i64>(j) * n;
            const double vj = b * v[j];
            for (i32 i = k + 1; i < n; ++i) p[i] += vj * row[i];
        }
        double along = 0;
        for (i32 i = k + 1; i < n; ++i) along += v[i] * p[i];
        along *= b / 2;
        for (i32 i = k + 1; i < n; ++i) p[i] -= along * v[i];
        for (i32 j = k + 1; j < n; ++j) {
            double* row = a + static_cast<i64>(j) * n;
            const double vj = v[j], pj = p[j];
            for (i32 i = k + 1; i < n; ++i) row[i] -= vj * p[i] + pj * v[i];
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

// The second largest magnitude of a symmetric matrix (n × n, row-major; destroyed) whose largest eigenvalue is 1.
// vector: its unit vector, no negative entry; destroyed. work: n.
RS_FN double second_largest_magnitude(double* a, i32 n, double* vector, double* work) {
    if (n < 2) return 0.0;
    split_off(a, n, vector, work);
    double *d = vector, *e2 = work;
    tridiagonal(a, 1, n, d, e2);
    double most = 0;
    for (i32 begin = 1, end = 1; begin < n; begin = end) {
        do ++end; while (end < n && e2[end - 1] > 1e-30);  // what is smaller moves no eigenvalue by 1e-15
        most = largest(d, e2, begin, end, 1, most);
        most = largest(d, e2, begin, end, -1, most);
    }
    return most;
}

}  // namespace rs
