// Grey level co-occurrence: how often two levels stand next to each other, per direction.
//
// Formulas: Haralick et al. 1973 and PyRadiomics' documentation (radiomics.glcm). With p(i,j) normalised,
// s = i + j and k = |i − j|: everything but MCC, JointEnergy, JointEntropy and MaximumProbability follows from
// three histograms, of s, of k and of i, so those are all that is counted beside the matrix itself.
// Entropies of counts: H = log2 N − Σ c·log2 c / N.
#pragma once

#include "common.hpp"
#include "eigen.hpp"

namespace rs::glcm {

enum Feature {
    Autocorrelation, ClusterProminence, ClusterShade, ClusterTendency, Contrast, Correlation, DifferenceAverage,
    DifferenceEntropy, DifferenceVariance, Id, Idm, Idmn, Idn, Imc1, Imc2, InverseVariance, JointAverage,
    JointEnergy, JointEntropy, MCC, MaximumProbability, SumAverage, SumEntropy, SumSquares, COUNT
};

// Scratch for one window. C: u32 where pairs are counted, double where angles are merged with weights.
template <class C>
struct Scratch {
    C* joint;       // levels × levels, zero between windows
    u32* touched;   // levels × levels
    C* sum;         // 2 × highest + 1
    C* difference;  // highest
    C* x;           // levels: how often a level stands first (or, symmetric, anywhere)
    C* y;           // levels: … second; only where the matrix is not symmetric
    double* matrix; // levels × levels, for MCC
    double* d;      // levels
    double* e;      // levels
    i32* present;   // levels
};

// What one pass over the matrix gives.
template <class C>
struct Counts {
    i32 touched = 0;  // cells that are not zero
    C pairs = 0, largest = 0;
    double energy = 0, joint_log = 0;          // Σ c², Σ c·log2 c over the cells of the whole matrix
    i32 first = 1 << 30, last = -1;            // places of the lowest and the highest level that occur
    i32 x_levels = 0, y_levels = 0;            // how many levels the margins have
};

// Count the pairs of one direction inside a box; both voxels must lie in it and in the mask. A symmetric matrix
// is kept as its upper triangle.
template <class C>
RS_FN void count(const Lattice& g, const Levels& levels, const Box& box, i32 dz, i32 dy, i32 dx, C weight,
                 bool symmetric, const Scratch<C>& s, Counts<C>& n) {
    const i32 z0 = dz < 0 ? box.z0 - dz : box.z0, z1 = dz > 0 ? box.z1 - dz : box.z1;
    const i32 y0 = dy < 0 ? box.y0 - dy : box.y0, y1 = dy > 0 ? box.y1 - dy : box.y1;
    const i32 x0 = dx < 0 ? box.x0 - dx : box.x0, x1 = dx > 0 ? box.x1 - dx : box.x1;
    const i64 step = (static_cast<i64>(dz) * g.ny + dy) * g.nx + dx;
    const u32 width = static_cast<u32>(levels.count);
    for (i32 z = z0; z < z1; ++z) {
        for (i32 y = y0; y < y1; ++y) {
            const u16* row = g.level + (static_cast<i64>(z) * g.ny + y) * g.nx;
            for (i32 x = x0; x < x1; ++x) {
                const u32 i = row[x], j = row[x + step];
                if (!i || !j) continue;
                const bool swap = symmetric && i > j;
                const u32 cell = ((swap ? j : i) - 1) * width + (swap ? i : j) - 1;
                if (s.joint[cell] == 0) s.touched[n.touched++] = cell;
                s.joint[cell] += weight;
            }
        }
    }
}

// From the matrix to the histograms of i, j, i + j and |i − j|.
template <class C>
RS_FN void summarise(const Levels& levels, const CountLog& log, bool symmetric, const Scratch<C>& s, Counts<C>& n) {
    for (i32 t = 0; t < n.touched; ++t) {
        const i32 i = static_cast<i32>(s.touched[t] / levels.count), j = static_cast<i32>(s.touched[t] % levels.count);
        const C c = s.joint[s.touched[t]];
        const i32 vi = static_cast<i32>(levels.value[i]), vj = static_cast<i32>(levels.value[j]);
        s.sum[vi + vj] += c;
        s.difference[vi < vj ? vj - vi : vi - vj] += c;
        C* y = symmetric ? s.x : s.y;
        n.x_levels += s.x[i] == 0;
        s.x[i] += c;
        n.y_levels += y[j] == 0;
        y[j] += c;
        n.pairs += c;
        // a symmetric matrix has each off-diagonal cell twice and counts the diagonal double
        const C whole = symmetric && i == j ? c + c : c;
        const double times = symmetric && i != j ? 2 : 1;
        n.energy += times * static_cast<double>(whole) * static_cast<double>(whole);
        n.joint_log += times * log(whole);
        if (whole > n.largest) n.largest = whole;
        const i32 low = i < j ? i : j, high = i < j ? j : i;
        if (low < n.first) n.first = low;
        if (high > n.last) n.last = high;
    }
    if (symmetric) n.x_levels = n.y_levels = n.x_levels + n.y_levels;
}

// MCC: the root of the second largest eigenvalue of Q(i,j) = Σ_k p(i,k) p(j,k) / (px(i) py(k)). With
// A = Dx^-½ P Dy^-½, Q is similar to A·Aᵀ; and for a symmetric P its eigenvalues are the squares of A's own.
template <class C>
RS_FN double mcc(const Levels& levels, bool symmetric, const Scratch<C>& s) {
    if (levels.count == 1) return 1.0;
    const i32 K = levels.count;
    i32 n = 0;
    for (i32 i = 0; i < K; ++i) {
        if (s.x[i] > 0 || (!symmetric && s.y[i] > 0)) s.present[n++] = i;
    }
    if (symmetric) {
        for (i32 a = 0; a < n; ++a) {
            for (i32 b = 0; b <= a; ++b) {
                const i32 i = s.present[b], j = s.present[a];
                const double c = static_cast<double>(s.joint[static_cast<i64>(i) * K + j]) * (i == j ? 2 : 1);
                s.matrix[a * n + b] = s.matrix[b * n + a] = c / sqrt(static_cast<double>(s.x[i]) * static_cast<double>(s.x[j]));
            }
        }
        return second_largest_magnitude(s.matrix, n, s.d, s.e);
    }
    for (i32 a = 0; a < n; ++a) {
        for (i32 b = 0; b <= a; ++b) {
            const i32 i = s.present[a], j = s.present[b];
            double q = 0;
            for (i32 c = 0; c < n; ++c) {
                const i32 k = s.present[c];
                const double both = static_cast<double>(s.joint[static_cast<i64>(i) * K + k]) * static_cast<double>(s.joint[static_cast<i64>(j) * K + k]);
                if (both > 0) q += both / static_cast<double>(s.y[k]);
            }
            const double norm = sqrt(static_cast<double>(s.x[i]) * static_cast<double>(s.x[j]));
            s.matrix[a * n + b] = s.matrix[b * n + a] = norm > 0 ? q / norm : 0.0;
        }
    }
    return sqrt(second_largest_magnitude(s.matrix, n, s.d, s.e));
}

// The features of one direction's counts, into out[COUNT]; `wanted` has a bit a feature.
template <class C>
RS_FN void features(const Levels& levels, const CountLog& log, bool symmetric, const Scratch<C>& s, const Counts<C>& n,
                    u32 wanted, double* out) {
    const double pairs = static_cast<double>(n.pairs);
    const C whole = symmetric ? n.pairs + n.pairs : n.pairs;
    const double total = static_cast<double>(whole);  // what the matrix sums to
    const double total_log = log(whole), pairs_log = log(n.pairs);
    const double Ng = levels.highest;

    // 1. The matrix.
    const double HXY = (total_log - n.joint_log) / total;
    out[JointEnergy] = n.energy / (total * total);
    out[JointEntropy] = HXY;
    out[MaximumProbability] = static_cast<double>(n.largest) / total;

    // 2. The margins.
    double ux = 0, uy = 0, x_log = 0, y_log = 0;
    for (i32 i = n.first; i <= n.last; ++i) {
        ux += static_cast<double>(s.x[i]) * levels.value[i];
        x_log += log(s.x[i]);
        if (!symmetric) {
            uy += static_cast<double>(s.y[i]) * levels.value[i];
            y_log += log(s.y[i]);
        }
    }
    ux /= total;
    uy = symmetric ? ux : uy / total;
    const double HX = (total_log - x_log) / total;
    const double HY = symmetric ? HX : (total_log - y_log) / total;
    double varx = 0, vary = 0;
    for (i32 i = n.first; i <= n.last; ++i) {
        const double vx = levels.value[i] - ux, vy = levels.value[i] - uy;
        varx += static_cast<double>(s.x[i]) * vx * vx;
        if (!symmetric) vary += static_cast<double>(s.y[i]) * vy * vy;
    }
    varx = n.x_levels == 1 ? 0 : varx / total;  // weighted counts would leave a rounding error
    vary = symmetric ? varx : n.y_levels == 1 ? 0 : vary / total;
    out[JointAverage] = ux;
    out[SumSquares] = varx;
    // HXY1 = HXY2 = HX + HY: −Σ p log2(px py) is the sum of the margins' entropies, whatever p is.
    const double shared = HX + HY - HXY;  // mutual information, ≥ 0 but for rounding
    const double most = HX > HY ? HX : HY;
    out[Imc1] = most > 1e-13 ? -shared / most : 0.0;
    out[Imc2] = shared > 1e-13 ? sqrt(1 - exp(-2 * shared)) : 0.0;

    // 3. The sums s = i + j.
    const i32 lowest = 2 * static_cast<i32>(levels.value[n.first]), highest = 2 * static_cast<i32>(levels.value[n.last]);
    double mean = 0, sum_log = 0, m2 = 0, m3 = 0, m4 = 0, square = 0;
    for (i32 v = lowest; v <= highest; ++v) {
        const double c = static_cast<double>(s.sum[v]);
        if (c == 0) continue;
        mean += c * v;
        sum_log += log(s.sum[v]);
        square += c * v * v;
    }
    mean /= pairs;
    square /= pairs;
    for (i32 v = lowest; v <= highest; ++v) {
        const double c = static_cast<double>(s.sum[v]);
        if (c == 0) continue;
        const double away = v - mean, away2 = away * away;
        m2 += c * away2;
        m3 += c * away2 * away;
        m4 += c * away2 * away2;
    }
    out[SumAverage] = mean;
    out[SumEntropy] = (pairs_log - sum_log) / pairs;
    out[ClusterTendency] = m2 / pairs;
    out[ClusterShade] = m3 / pairs;
    out[ClusterProminence] = m4 / pairs;

    // 4. The differences k = |i − j|.
    const i32 widest = (highest - lowest) / 2;
    double average = 0, contrast = 0, difference_log = 0, id = 0, idm = 0, idn = 0, idmn = 0, inverse = 0;
    for (i32 k = 0; k <= widest; ++k) {
        const double c = static_cast<double>(s.difference[k]);
        if (c == 0) continue;
        const double k2 = static_cast<double>(k) * k;
        average += c * k;
        contrast += c * k2;
        difference_log += log(s.difference[k]);
        id += c / (1 + k);
        idm += c / (1 + k2);
        idn += c / (1 + k / Ng);
        idmn += c / (1 + k2 / (Ng * Ng));
        if (k) inverse += c / k2;
    }
    average /= pairs;
    contrast /= pairs;
    double spread = 0;
    for (i32 k = 0; k <= widest; ++k) {
        const double away = k - average;
        spread += static_cast<double>(s.difference[k]) * away * away;
    }
    out[DifferenceAverage] = average;
    out[DifferenceVariance] = spread / pairs;
    out[DifferenceEntropy] = (pairs_log - difference_log) / pairs;
    out[Contrast] = contrast;
    out[Id] = id / pairs;
    out[Idm] = idm / pairs;
    out[Idn] = idn / pairs;
    out[Idmn] = idmn / pairs;
    out[InverseVariance] = inverse / pairs;

    // 5. 4·i·j = s² − k², and the covariance from the variances of s and of i − j.
    out[Autocorrelation] = (square - contrast) / 4;
    const double sigma = sqrt(varx) * sqrt(vary);
    const double lean = ux - uy;  // mean of i − j
    const double covariance = (m2 / pairs - (contrast - lean * lean)) / 4;
    out[Correlation] = sigma == 0 ? 1.0 : covariance / (sigma + 2.220446049250313e-16);
    out[MCC] = wanted >> MCC & 1u ? mcc(levels, symmetric, s) : nan_value();
}

template <class C>
RS_FN void clear(const Levels& levels, const Scratch<C>& s, Counts<C>& n) {
    for (i32 t = 0; t < n.touched; ++t) s.joint[s.touched[t]] = 0;
    if (n.touched) {
        const i32 low = static_cast<i32>(levels.value[n.first]), high = static_cast<i32>(levels.value[n.last]);
        for (i32 v = 2 * low; v <= 2 * high; ++v) s.sum[v] = 0;
        for (i32 k = 0; k <= high - low; ++k) s.difference[k] = 0;
        for (i32 i = n.first; i <= n.last; ++i) s.x[i] = s.y[i] = 0;
    }
    n = Counts<C>();
}

// The features of one window: the mean over its directions, or one matrix of all, weighted.
template <class C>
RS_FN void window_features(const Lattice& g, const Levels& levels, const CountLog& log, const Box& box,
                           const Offsets& offsets, bool symmetric, u32 wanted, const Scratch<C>& s, double* out) {
    AngleMean means[COUNT];
    double one[COUNT];
    Counts<C> n;
    for (i32 a = 0; a < offsets.count; ++a) {
        const C weight = offsets.weight ? static_cast<C>(offsets.weight[a]) : static_cast<C>(1);
        // a weight may underflow to zero: exp(−d²) does at 28 mm
        if (weight > 0) count(g, levels, box, offsets.z(a), offsets.y(a), offsets.x(a), weight, symmetric, s, n);
        if (n.touched == 0 || (offsets.weight && a + 1 < offsets.count)) continue;
        summarise(levels, log, symmetric, s, n);
        features(levels, log, symmetric, s, n, wanted, one);
        for (i32 f = 0; f < COUNT; ++f) means[f].add(one[f]);
        clear(levels, s, n);
    }
    for (i32 f = 0; f < COUNT; ++f) out[f] = means[f].mean();
}

}  // namespace rs::glcm
