// The second largest eigenvalue (by magnitude) of a small symmetric matrix: Householder tridiagonalisation,
// then implicit QL without vectors (Wilkinson & Reinsch 1971, tred1 and tql1).
#pragma once

#include "common.hpp"

namespace rs {

// a: n × n, row-major, symmetric; destroyed. d, e: scratch of n each.
RS_FN double second_largest_magnitude(double* a, i32 n, double* d, double* e) {
    if (n < 2) return 0.0;
    for (i32 i = n - 1; i > 0; --i) {
        const i32 l = i;
        double scale = 0, h = 0;
        for (i32 k = 0; k < l; ++k) scale += fabs(a[i * n + k]);
        if (l == 1 || scale == 0) {
            e[i] = a[i * n + l - 1];
        } else {
            for (i32 k = 0; k < l; ++k) {
                a[i * n + k] /= scale;
                h += a[i * n + k] * a[i * n + k];
            }
            double f = a[i * n + l - 1];
            const double g = f >= 0 ? -sqrt(h) : sqrt(h);
            e[i] = scale * g;
            h -= f * g;
            a[i * n + l - 1] = f - g;
            f = 0;
            for (i32 j = 0; j < l; ++j) {
                double s = 0;
                for (i32 k = 0; k <= j; ++k) s += a[j * n + k] * a[i * n + k];
                for (i32 k = j + 1; k < l; ++k) s += a[k * n + j] * a[i * n + k];
                e[j] = s / h;
                f += e[j] * a[i * n + j];
            }
            const double hh = f / (h + h);
            for (i32 j = 0; j < l; ++j) {
                const double fj = a[i * n + j];
                const double gj = e[j] - hh * fj;
                e[j] = gj;
                for (i32 k = 0; k <= j; ++k) a[j * n + k] -= fj * e[k] + gj * a[i * n + k];
            }
        }
    }
    for (i32 i = 0; i < n; ++i) d[i] = a[i * n + i];
    for (i32 i = 1; i < n; ++i) e[i - 1] = e[i];
    e[n - 1] = 0;

    for (i32 l = 0; l < n; ++l) {
        for (i32 iteration = 0; iteration < 60; ++iteration) {
            i32 m = l;
            for (; m < n - 1; ++m) {
                const double near = fabs(d[m]) + fabs(d[m + 1]);
                if (fabs(e[m]) <= 2.3e-16 * near) break;
            }
            if (m == l) break;
            double g = (d[l + 1] - d[l]) / (2 * e[l]);
            double r = sqrt(g * g + 1);
            g = d[m] - d[l] + e[l] / (g + (g >= 0 ? r : -r));
            double s = 1, c = 1, p = 0;
            i32 i = m - 1;
            for (; i >= l; --i) {
                double f = s * e[i];
                const double b = c * e[i];
                r = sqrt(f * f + g * g);
                e[i + 1] = r;
                if (r == 0) {
                    d[i + 1] -= p;
                    e[m] = 0;
                    break;
                }
                s = f / r;
                c = g / r;
                g = d[i + 1] - p;
                r = (d[i] - g) * s + 2 * c * b;
                p = s * r;
                d[i + 1] = g + p;
                g = c * r - b;
            }
            if (r == 0 && i >= l) continue;
            d[l] -= p;
            e[l] = g;
            e[m] = 0;
        }
    }
    double first = 0, second = 0;
    for (i32 i = 0; i < n; ++i) {
        const double v = fabs(d[i]);
        if (v > first) {
            second = first;
            first = v;
        } else if (v > second) {
            second = v;
        }
    }
    return second;
}

}  // namespace rs
