// The second largest eigenvalue by magnitude, found by a team: Householder tridiagonalisation, then bisection in
// many parts at once with Sturm sequences (Givens 1954; Wilkinson, The Algebraic Eigenvalue Problem, ch. 5). The
// sibling of `eigen.hpp`, whose QL iteration is serial.
#pragma once

#include "eigen.hpp"
#include "team.hpp"

namespace rs {

// To tridiagonal form: diagonal in d, squared off-diagonal in e2 (e2[i] is between i − 1 and i).
// a: n × n, symmetric, both triangles given; destroyed. u, q: scratch of n each.
template <class Team>
RS_FN void tridiagonalise(const Team& team, double* a, i32 n, double* d, double* e2, double* u, double* q) {
    for (i32 i = n - 1; i > 0; --i) {
        // The row's part left of the diagonal, l long, is reflected onto its last element.
        const i32 l = i;
        double rest = 0;
        for (i32 k = team.lane(); k < l; k += team.lanes()) {
            u[k] = a[i * n + k];
            if (k < l - 1) rest += u[k] * u[k];
        }
        rest = team.sum(rest);
        team.sync();
        const double f = u[l - 1], h = rest + f * f;
        if (team.lane() == 0) {
            d[i] = a[i * n + i];
            e2[i] = h;
        }
        team.sync();
        if (rest == 0) continue;  // nothing to reflect
        const double g = f >= 0 ? -sqrt(h) : sqrt(h);
        const double half = h - f * g;  // uᵀu / 2
        if (team.lane() == 0) u[l - 1] = f - g;
        team.sync();
        double along = 0;
        for (i32 j = team.lane(); j < l; j += team.lanes()) {
            double p = 0;
            for (i32 k = 0; k < l; ++k) p += a[k * n + j] * u[k];
            q[j] = p / half;
            along += q[j] * u[j];
        }
        along = team.sum(along) / (half + half);
        for (i32 j = team.lane(); j < l; j += team.lanes()) q[j] -= along * u[j];
        team.sync();
        for (i32 j = team.lane(); j < l; j += team.lanes()) {
            const double uj = u[j], qj = q[j];
            for (i32 k = 0; k < l; ++k) a[k * n + j] -= uj * q[k] + qj * u[k];
        }
        team.sync();
    }
    if (team.lane() == 0) {
        d[0] = a[0];
        e2[0] = 0;
    }
    team.sync();
}

// How many eigenvalues of a tridiagonal matrix are below t: sign changes in the leading minors of T − t.
RS_FN i32 below(const double* d, const double* e2, i32 n, double t) {
    double last = 1, p = d[0] - t;
    i32 changes = 0;
    for (i32 i = 1;; ++i) {
        if (p == 0) p = -1e-30 * last;
        changes += (p < 0) != (last < 0);
        if (i == n) return changes;
        const double next = (d[i] - t) * p - e2[i] * last;
        last = p;
        p = next;
        if (fabs(last) + fabs(p) < 1e-140) {
            last *= 1e140;
            p *= 1e140;
        } else if (fabs(last) + fabs(p) > 1e140) {
            last *= 1e-140;
            p *= 1e-140;
        }
    }
}

// a: n × n with both triangles; its largest eigenvalue is 1, and all lie in [−1, 1]. d, e: scratch of 2·n each.
template <class Team>
RS_APART double second_largest_magnitude(const Team team, double* a, i32 n, double* d, double* e) {
    if (n < 2) return 0.0;
    double* const e2 = d + n;
    tridiagonalise(team, a, n, d, e2, e, e + n);
    // It is the second eigenvalue from above, or the last one's magnitude. Even lanes look for the first, odd ones
    // for the second, each at its own of SHARES − 1 shifts, in an interval that shrinks to one share of itself.
    constexpr i32 SHARES = 17, ROUNDS = 12;  // 17¹² = 2⁴⁹
    double low = 0, width = 1;
    for (i32 round = 0; round < ROUNDS; ++round) {
        width /= SHARES;
        i32 above = 0, beneath = 0;
        for (i32 k = team.lane(); k < 2 * (SHARES - 1); k += team.lanes()) {
            const double t = low + (k / 2 + 1) * width;
            if (k % 2 == 0) {
                above += n - below(d, e2, n, t) >= 2;
            } else {
                beneath += below(d, e2, n, -t) >= 1;
            }
        }
        above = team.sum(above);
        beneath = team.sum(beneath);
        low += (above > beneath ? above : beneath) * width;
    }
    team.sync();
    return low;
}

// One thread alone has the faster serial way.
RS_FN double second_largest_magnitude(Alone, double* a, i32 n, double* d, double* e) {
    return second_largest_magnitude(a, n, d, e);
}

}  // namespace rs
