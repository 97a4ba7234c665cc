// Grey level co-occurrence: how often two levels stand next to each other, per direction.
//
// Formulas: Haralick et al. 1973 and PyRadiomics' documentation (radiomics.glcm). With p(i,j) normalised,
// s = i + j and k = |i − j|: everything but MCC, JointEnergy, JointEntropy and MaximumProbability follows from
// three histograms, of s, of k and of i, so those are all that is counted beside the matrix itself.
// Entropies of counts: H = log2 N − Σ c·log2 c / N.
#pragma once

#include "eigen_team.hpp"

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
    u32* touched;   // levels × levels: the cells that are not zero; null: not listed
    C* sum;         // 2 × highest + 1
    C* difference;  // highest
    C* x;           // levels: how often a level stands first (or, symmetric, anywhere)
    C* y;           // levels: … second; only where the matrix is not symmetric
    double* matrix; // levels × levels, for MCC
    double* d;      // levels; twice as many for a team of several
    double* e;      // levels; twice as many for a team of several
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

// From the matrix to the histograms of i, j, i + j and |i − j|. Where cells were not listed while counting, all of
// them are looked at.
template <class Team, class C>
RS_FN void summarise(const Team& team, const Levels& levels, const CountLog& log, bool symmetric, const Scratch<C>& s,
                     Counts<C>& n) {
    const i32 cells = s.touched ? n.touched : levels.count * levels.count;
    C* y_margin = symmetric ? s.x : s.y;
    for (i32 t = team.lane(); t < cells; t += team.lanes()) {
        const i32 cell = s.touched ? static_cast<i32>(s.touched[t]) : t;
        const C c = s.joint[cell];
        if (c == 0) continue;
        const i32 i = cell / levels.count, j = cell % levels.count;
        const i32 vi = static_cast<i32>(levels.value[i]), vj = static_cast<i32>(levels.value[j]);
        team.add(s.sum[vi + vj], c);
        team.add(s.difference[vi < vj ? vj - vi : vi - vj], c);
        n.x_levels += team.add(s.x[i], c) == 0;
        n.y_levels += team.add(y_margin[j], c) == 0;
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
    n.x_levels = team.sum(n.x_levels);
    n.y_levels = team.sum(n.y_levels);
    if (symmetric) n.x_levels = n.y_levels = n.x_levels + n.y_levels;
    n.pairs = team.sum(n.pairs);
    n.energy = team.sum(n.energy);
    n.joint_log = team.sum(n.joint_log);
    n.largest = team.most(n.largest);
    n.first = team.least(n.first);
    n.last = team.most(n.last);
    team.sync();
}

// MCC: the root of the second largest eigenvalue of Q(i,j) = Σ_k p(i,k) p(j,k) / (px(i) py(k)). With
// A = Dx^-½ P Dy^-½, Q is similar to A·Aᵀ; and for a symmetric P its eigenvalues are the squares of A's own.
template <class Team, class C>
RS_FN double mcc(const Team& team, const Levels& levels, bool symmetric, const Scratch<C>& s) {
    if (levels.count == 1) return 1.0;
    const i32 K = levels.count;
    i32 n = 0;
    for (i32 i = 0; i < K; ++i) {
        if (!(s.x[i] > 0 || (!symmetric && s.y[i] > 0))) continue;
        if (team.lane() == 0) s.present[n] = i;
        ++n;
    }
    team.sync();
    for (i32 a = 0; a < n; ++a) {
        for (i32 b = team.lane(); b <= a; b += team.lanes()) {
            const i32 i = s.present[b], j = s.present[a];  // i ≤ j: the upper triangle
            const double norm = sqrt(static_cast<double>(s.x[i]) * static_cast<double>(s.x[j]));
            double q = 0;
            if (symmetric) {
                q = static_cast<double>(s.joint[static_cast<i64>(i) * K + j]) * (i == j ? 2 : 1);
            } else {
                for (i32 c = 0; c < n; ++c) {
                    const i32 k = s.present[c];
                    const double both = static_cast<double>(s.joint[static_cast<i64>(j) * K + k]) *
                                        static_cast<double>(s.joint[static_cast<i64>(i) * K + k]);
                    if (both > 0) q += both / static_cast<double>(s.y[k]);
                }
            }
            s.matrix[a * n + b] = s.matrix[b * n + a] = norm > 0 ? q / norm : 0.0;
        }
    }
    team.sync();
    const double second = second_largest_magnitude(team, s.matrix, n, s.d, s.e);
    return symmetric ? second : sqrt(second);
}

// What the sections of `features` need: a bit a feature.
constexpr u32 bit(Feature f) { return 1u << f; }
constexpr u32 FROM_MARGINS = bit(JointAverage) | bit(SumSquares) | bit(Imc1) | bit(Imc2) | bit(Correlation);
constexpr u32 FROM_SUMS = bit(SumAverage) | bit(SumEntropy) | bit(ClusterTendency) | bit(ClusterShade) |
                          bit(ClusterProminence) | bit(Autocorrelation) | bit(Correlation);
constexpr u32 FROM_DIFFERENCES = bit(DifferenceAverage) | bit(DifferenceVariance) | bit(DifferenceEntropy) |
                                 bit(Contrast) | bit(Id) | bit(Idm) | bit(Idn) | bit(Idmn) | bit(InverseVariance) |
                                 bit(Autocorrelation) | bit(Correlation);

// The margins of the matrix: means, variances and entropies of i and j.
struct Margins {
    double ux = 0, uy = 0, varx = 0, vary = 0, HX = 0, HY = 0;
};

template <class Team, class C>
RS_FN Margins margins(const Team& team, const Levels& levels, const CountLog& log, bool symmetric, const Scratch<C>& s,
                      const Counts<C>& n, double total, double total_log) {
    Margins m;
    double x_log = 0, y_log = 0;
    for (i32 i = n.first + team.lane(); i <= n.last; i += team.lanes()) {
        m.ux += static_cast<double>(s.x[i]) * levels.value[i];
        x_log += log(s.x[i]);
        if (!symmetric) {
            m.uy += static_cast<double>(s.y[i]) * levels.value[i];
            y_log += log(s.y[i]);
        }
    }
    m.ux = team.sum(m.ux) / total;
    m.uy = symmetric ? m.ux : team.sum(m.uy) / total;
    m.HX = (total_log - team.sum(x_log)) / total;
    m.HY = symmetric ? m.HX : (total_log - team.sum(y_log)) / total;
    for (i32 i = n.first + team.lane(); i <= n.last; i += team.lanes()) {
        const double vx = levels.value[i] - m.ux, vy = levels.value[i] - m.uy;
        m.varx += static_cast<double>(s.x[i]) * vx * vx;
        if (!symmetric) m.vary += static_cast<double>(s.y[i]) * vy * vy;
    }
    m.varx = n.x_levels == 1 ? 0 : team.sum(m.varx) / total;  // weighted counts would leave a rounding error
    m.vary = symmetric ? m.varx : n.y_levels == 1 ? 0 : team.sum(m.vary) / total;
    return m;
}

// Moments and entropy of s = i + j. Raw: square; about the mean: m2, m3, m4.
struct SumMoments {
    double mean = 0, square = 0, m2 = 0, m3 = 0, m4 = 0, entropy = 0;
};

template <class Team, class C>
RS_FN SumMoments sum_moments(const Team& team, const CountLog& log, const C* histogram, i32 lowest, i32 highest,
                             double pairs, double pairs_log) {
    SumMoments m;
    double sum_log = 0;
    for (i32 v = lowest + team.lane(); v <= highest; v += team.lanes()) {
        const double c = static_cast<double>(histogram[v]);
        if (c == 0) continue;
        m.mean += c * v;
        sum_log += log(histogram[v]);
        m.square += c * v * v;
    }
    m.mean = team.sum(m.mean) / pairs;
    m.square = team.sum(m.square) / pairs;
    m.entropy = (pairs_log - team.sum(sum_log)) / pairs;
    for (i32 v = lowest + team.lane(); v <= highest; v += team.lanes()) {
        const double c = static_cast<double>(histogram[v]);
        if (c == 0) continue;
        const double away = v - m.mean, away2 = away * away;
        m.m2 += c * away2;
        m.m3 += c * away2 * away;
        m.m4 += c * away2 * away2;
    }
    m.m2 = team.sum(m.m2) / pairs;
    m.m3 = team.sum(m.m3) / pairs;
    m.m4 = team.sum(m.m4) / pairs;
    return m;
}

// The features of the differences k = |i − j|; returns Contrast.
template <class Team, class C, class Put>
RS_FN double difference_features(const Team& team, const CountLog& log, const C* histogram, i32 widest, double pairs,
                                 double pairs_log, double Ng, const Put& put) {
    double average = 0, contrast = 0, difference_log = 0, id = 0, idm = 0, idn = 0, idmn = 0, inverse = 0;
    for (i32 k = team.lane(); k <= widest; k += team.lanes()) {
        const double c = static_cast<double>(histogram[k]);
        if (c == 0) continue;
        const double k2 = static_cast<double>(k) * k;
        average += c * k;
        contrast += c * k2;
        difference_log += log(histogram[k]);
        id += c / (1 + k);
        idm += c / (1 + k2);
        idn += c / (1 + k / Ng);
        idmn += c / (1 + k2 / (Ng * Ng));
        if (k) inverse += c / k2;
    }
    average = team.sum(average) / pairs;
    contrast = team.sum(contrast) / pairs;
    double spread = 0;
    for (i32 k = team.lane(); k <= widest; k += team.lanes()) {
        const double away = k - average;
        spread += static_cast<double>(histogram[k]) * away * away;
    }
    put(DifferenceAverage, average);
    put(DifferenceVariance, team.sum(spread) / pairs);
    put(DifferenceEntropy, (pairs_log - team.sum(difference_log)) / pairs);
    put(Contrast, contrast);
    put(Id, team.sum(id) / pairs);
    put(Idm, team.sum(idm) / pairs);
    put(Idn, team.sum(idn) / pairs);
    put(Idmn, team.sum(idmn) / pairs);
    put(InverseVariance, team.sum(inverse) / pairs);
    return contrast;
}

// The features of one direction's counts, each given to `put`. `wanted` has a bit a feature; more may be put than
// is wanted, and of what is not wanted nothing is promised.
template <class Team, class C, class Put>
RS_FN void features(const Team& team, const Levels& levels, const CountLog& log, bool symmetric, const Scratch<C>& s,
                    const Counts<C>& n, u32 wanted, const Put& put) {
    const double pairs = static_cast<double>(n.pairs);
    const C whole = symmetric ? n.pairs + n.pairs : n.pairs;
    const double total = static_cast<double>(whole);  // what the matrix sums to
    const double total_log = log(whole), pairs_log = log(n.pairs);
    const i32 lowest = static_cast<i32>(levels.value[n.first]), highest = static_cast<i32>(levels.value[n.last]);

    // 1. The matrix.
    const double HXY = (total_log - n.joint_log) / total;
    put(JointEnergy, n.energy / (total * total));
    put(JointEntropy, HXY);
    put(MaximumProbability, static_cast<double>(n.largest) / total);

    // 2. The margins.
    Margins m;
    if (wanted & FROM_MARGINS) {
        m = margins(team, levels, log, symmetric, s, n, total, total_log);
        put(JointAverage, m.ux);
        put(SumSquares, m.varx);
        // HXY1 = HXY2 = HX + HY: −Σ p log2(px py) is the sum of the margins' entropies, whatever p is.
        const double shared = m.HX + m.HY - HXY;  // mutual information, ≥ 0 but for rounding
        const double most = m.HX > m.HY ? m.HX : m.HY;
        put(Imc1, most > 1e-13 ? -shared / most : 0.0);
        put(Imc2, shared > 1e-13 ? sqrt(1 - exp(-2 * shared)) : 0.0);
    }

    // 3. The sums and the differences.
    SumMoments sums;
    double contrast = 0;
    if (wanted & FROM_SUMS) {
        sums = sum_moments(team, log, s.sum, 2 * lowest, 2 * highest, pairs, pairs_log);
        put(SumAverage, sums.mean);
        put(SumEntropy, sums.entropy);
        put(ClusterTendency, sums.m2);
        put(ClusterShade, sums.m3);
        put(ClusterProminence, sums.m4);
    }
    if (wanted & FROM_DIFFERENCES) {
        contrast = difference_features(team, log, s.difference, highest - lowest, pairs, pairs_log, levels.highest, put);
    }

    // 4. 4·i·j = s² − k², and the covariance from the variances of s and of i − j.
    put(Autocorrelation, (sums.square - contrast) / 4);
    const double sigma = sqrt(m.varx) * sqrt(m.vary);
    const double lean = m.ux - m.uy;  // mean of i − j
    const double covariance = (sums.m2 - (contrast - lean * lean)) / 4;
    put(Correlation, sigma == 0 ? 1.0 : covariance / (sigma + 2.220446049250313e-16));

    // 5. A small eigenvalue problem.
    if (wanted & bit(MCC)) put(MCC, mcc(team, levels, symmetric, s));
}

// Everything to zero again.
template <class Team, class C>
RS_FN void clear(const Team& team, const Levels& levels, const Scratch<C>& s, Counts<C>& n) {
    const i32 cells = s.touched ? n.touched : levels.count * levels.count;
    for (i32 t = team.lane(); t < cells; t += team.lanes()) s.joint[s.touched ? static_cast<i32>(s.touched[t]) : t] = 0;
    if (n.last >= 0) {
        const i32 low = static_cast<i32>(levels.value[n.first]), high = static_cast<i32>(levels.value[n.last]);
        for (i32 v = 2 * low + team.lane(); v <= 2 * high; v += team.lanes()) s.sum[v] = 0;
        for (i32 k = team.lane(); k <= high - low; k += team.lanes()) s.difference[k] = 0;
        for (i32 i = n.first + team.lane(); i <= n.last; i += team.lanes()) s.x[i] = s.y[i] = 0;
    }
    n = Counts<C>();
    team.sync();
}

// The features of one window: the mean over its directions, or one matrix of all, weighted.
template <class C>
RS_FN void window_features(const Lattice& g, const Levels& levels, const CountLog& log, const Box& box,
                           const Offsets& offsets, bool symmetric, u32 wanted, const Scratch<C>& s, double* out) {
    const Alone team;
    AngleMean mean[COUNT];
    const Means<Alone> means{team, mean};
    Counts<C> n;
    for (i32 a = 0; a < offsets.count; ++a) {
        const C weight = offsets.weight ? static_cast<C>(offsets.weight[a]) : static_cast<C>(1);
        // a weight may underflow to zero: exp(−d²) does at 28 mm
        if (weight > 0) count(g, levels, box, offsets.z(a), offsets.y(a), offsets.x(a), weight, symmetric, s, n);
        if (n.touched == 0 || (offsets.weight && a + 1 < offsets.count)) continue;
        summarise(team, levels, log, symmetric, s, n);
        features(team, levels, log, symmetric, s, n, wanted, means);
        clear(team, levels, s, n);
    }
    means.write(COUNT, out);
}

}  // namespace rs::glcm
