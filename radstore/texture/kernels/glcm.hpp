// Grey level co-occurrence: how often two levels stand next to each other, per direction.
//
// Formulas: Haralick et al. 1973 and PyRadiomics' documentation (radiomics.glcm). With p(i,j) normalised,
// s = i + j and k = |i − j|: everything but MCC, JointEnergy, JointEntropy and MaximumProbability follows from
// three histograms, of s, of k and of i, so those are all that is counted beside the matrix itself.
// Entropies of counts: H = log2 N − Σ c·log2 c / N.
#pragma once

#include "eigen_team.hpp"

namespace rs::glcm {

// What a feature needs: a section of `features`, and those whose sums it uses.
enum Need : u32 {
    CELLS = 1,
    MARGINS = 2,
    SUMS = 4,
    CENTRAL_SUMS = 8 | SUMS,
    DIFFERENCES = 16,
    WEIGHTS = 32 | DIFFERENCES,
    MOMENTS = 64 | SUMS | DIFFERENCES,
    EIGENVALUE = 128,
};

#define RS_GLCM_FEATURES(X, OWN)                                                                                    \
    X(Autocorrelation, MOMENTS) X(ClusterProminence, CENTRAL_SUMS) X(ClusterShade, CENTRAL_SUMS)                    \
    X(ClusterTendency, MOMENTS) X(Contrast, MOMENTS) X(Correlation, MOMENTS) X(DifferenceAverage, DIFFERENCES)      \
    X(DifferenceEntropy, DIFFERENCES) X(DifferenceVariance, DIFFERENCES) X(Id, WEIGHTS) X(Idm, WEIGHTS)             \
    X(Idmn, WEIGHTS) X(Idn, WEIGHTS) X(Imc1, CELLS | MARGINS) X(Imc2, CELLS | MARGINS)                              \
    X(InverseVariance, WEIGHTS) X(JointAverage, MOMENTS) X(JointEnergy, CELLS) X(JointEntropy, CELLS)               \
    X(MCC, EIGENVALUE) X(MaximumProbability, CELLS) X(SumAverage, MOMENTS) X(SumEntropy, SUMS)                      \
    X(SumSquares, MOMENTS)

RS_ENUM(RS_GLCM_FEATURES);
RS_NEEDING(RS_GLCM_FEATURES)

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
    i32 width = 0;  // of the matrix in memory; 0: as many columns as levels

    RS_FN C cell(const Levels& levels, i32 i, i32 j) const {
        return joint[static_cast<i64>(i) * (width ? width : levels.count) + j];
    }
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
// A = Dx^-½ P Dy^-½, Q is similar to A·Aᵀ; and for a symmetric P its eigenvalues are the squares of A's own. The largest
// is 1, and its vector √px.
template <class Team, class C>
RS_FN double mcc(const Team& team, const Levels& levels, bool symmetric, const Scratch<C>& s, const Counts<C>& counts) {
    if (levels.count == 1) return 1.0;
    i32 n = 0;
    double total = 0;
    for (i32 i = counts.first; i <= counts.last; ++i) {  // every lane: the list is short
        total += static_cast<double>(s.x[i]);
        if (!(s.x[i] > 0 || (!symmetric && s.y[i] > 0))) continue;
        if (team.lane() == 0) s.present[n] = i;
        ++n;
    }
    team.sync();
    for (i32 a = team.lane(); a < n; a += team.lanes()) {
        const double x = static_cast<double>(s.x[s.present[a]]);
        s.d[a] = sqrt(x / total);
        s.e[a] = x > 0 ? 1 / sqrt(x) : 0.0;
    }
    team.sync();
    for (i32 a = 0; a < n; ++a) {
        const i32 i = s.present[a];
        for (i32 b = team.lane(); b <= a; b += team.lanes()) {
            const i32 j = s.present[b];
            double q = 0;
            if (symmetric) {
                q = static_cast<double>(s.cell(levels, j, i)) * (i == j ? 2 : 1);
            } else {
                for (i32 c = 0; c < n; ++c) {
                    const i32 k = s.present[c];
                    const double both = static_cast<double>(s.cell(levels, i, k)) * static_cast<double>(s.cell(levels, j, k));
                    if (both > 0) q += both / static_cast<double>(s.y[k]);
                }
            }
            s.matrix[a * n + b] = s.matrix[b * n + a] = q * (s.e[a] * s.e[b]);
        }
    }
    team.sync();
    const double second = second_largest_magnitude(team, s.matrix, n, s.d, s.e);
    return symmetric ? second : sqrt(second);
}

// Power sums over the pairs (i, j), and variances; of j only where the matrix is not symmetric.
struct Moments {
    double pairs = 0;
    double s1 = 0, s2 = 0;                  // Σ (i + j), Σ (i + j)²
    double k2 = 0;                          // Σ (i − j)²
    double x1 = 0, x2 = 0, y1 = 0, y2 = 0;  // Σ i, Σ i², Σ j, Σ j²
    double vars = 0, varx = 0, vary = 0;    // of i + j, i, j
};

// The variances from the power sums, where pairs are counted: whole numbers are exact. A symmetric matrix has each
// pair twice, so that its margin sums to s.
RS_FN void find_variances(bool symmetric, Moments& m) {
    m.vars = variance(m.pairs, m.s1, m.s2);
    m.varx = symmetric ? variance(2 * m.pairs, m.s1, (m.s2 + m.k2) / 2) : variance(m.pairs, m.x1, m.x2);
    if (!symmetric) m.vary = variance(m.pairs, m.y1, m.y2);
}

// The features of power sums and variances alone. 4·i·j = (i + j)² − (i − j)².
template <class Put>
RS_FN void moment_features(bool symmetric, const Moments& m, const Put& put) {
    const double n = m.pairs, contrast = m.k2 / n;
    const double ux = symmetric ? m.s1 / (2 * n) : m.x1 / n, uy = symmetric ? ux : m.y1 / n;
    const double lean = ux - uy;  // mean of i − j
    const double covariance = (m.vars - (contrast - lean * lean)) / 4;
    const double sigma = sqrt(m.varx) * sqrt(symmetric ? m.varx : m.vary);
    put(JointAverage, ux);
    put(SumAverage, m.s1 / n);
    put(SumSquares, m.varx);
    put(ClusterTendency, m.vars);
    put(Contrast, contrast);
    put(Autocorrelation, (m.s2 / n - contrast) / 4);
    put(Correlation, sigma == 0 ? 1.0 : covariance / (sigma + 2.220446049250313e-16));
}

// Imc1 and Imc2 from the margins' entropies. HXY1 = HXY2 = HX + HY: −Σ p log2(px py) is the sum of the margins'
// entropies, whatever p is.
template <class Team, class C, class Put>
RS_FN void information_features(const Team& team, const CountLog& log, bool symmetric, const Scratch<C>& s,
                                const Counts<C>& n, double total, double total_log, double HXY, const Put& put) {
    double x_log = 0, y_log = 0;
    for (i32 i = n.first + team.lane(); i <= n.last; i += team.lanes()) {
        x_log += log(s.x[i]);
        if (!symmetric) y_log += log(s.y[i]);
    }
    const double HX = (total_log - team.sum(x_log)) / total;
    const double HY = symmetric ? HX : (total_log - team.sum(y_log)) / total;
    const double shared = HX + HY - HXY;  // mutual information, ≥ 0 but for rounding
    const double most = HX > HY ? HX : HY;
    put(Imc1, most > 1e-13 ? -shared / most : 0.0);
    put(Imc2, shared > 1e-13 ? sqrt(1 - exp(-2 * shared)) : 0.0);
}

// The margins' power sums, where the matrix is not symmetric.
template <class Team, class C>
RS_FN void margin_moments(const Team& team, const Levels& levels, const Scratch<C>& s, const Counts<C>& n, Moments& m) {
    for (i32 i = n.first + team.lane(); i <= n.last; i += team.lanes()) {
        const double v = levels.value[i], x = static_cast<double>(s.x[i]) * v, y = static_cast<double>(s.y[i]) * v;
        m.x1 += x;
        m.x2 += x * v;
        m.y1 += y;
        m.y2 += y * v;
    }
    m.x1 = team.sum(m.x1);
    m.x2 = team.sum(m.x2);
    m.y1 = team.sum(m.y1);
    m.y2 = team.sum(m.y2);
}

// The variances of weighed pairs, about the means: power sums of weights far apart in size would cancel. One level
// has none, which weights would leave as a rounding error.
template <class Team, class C>
RS_FN void weighed_variances(const Team& team, const Levels& levels, bool symmetric, const Scratch<C>& s,
                             const Counts<C>& n, Moments& m) {
    const double total = symmetric ? 2 * m.pairs : m.pairs;
    const double ux = (symmetric ? m.s1 : m.x1) / total, uy = m.y1 / total, us = m.s1 / m.pairs;
    for (i32 i = n.first + team.lane(); i <= n.last; i += team.lanes()) {
        const double x = levels.value[i] - ux, y = levels.value[i] - uy;
        m.varx += static_cast<double>(s.x[i]) * x * x;
        if (!symmetric) m.vary += static_cast<double>(s.y[i]) * y * y;
    }
    const i32 lowest = static_cast<i32>(levels.value[n.first]), highest = static_cast<i32>(levels.value[n.last]);
    for (i32 v = 2 * lowest + team.lane(); v <= 2 * highest; v += team.lanes()) {
        m.vars += static_cast<double>(s.sum[v]) * (v - us) * (v - us);
    }
    m.varx = n.x_levels == 1 ? 0 : team.sum(m.varx) / total;
    m.vary = n.y_levels == 1 ? 0 : team.sum(m.vary) / total;
    m.vars = team.sum(m.vars) / m.pairs;
}

// The features of the sums s = i + j, and their power sums.
template <class Team, class C, class Put>
RS_FN void sum_features(const Team& team, const CountLog& log, const C* histogram, i32 lowest, i32 highest,
                        double pairs_log, u32 wanted, Moments& m, const Put& put) {
    double sum_log = 0;
    for (i32 v = lowest + team.lane(); v <= highest; v += team.lanes()) {
        const double c = static_cast<double>(histogram[v]) * v;
        m.s1 += c;
        m.s2 += c * v;
        sum_log += log(histogram[v]);
    }
    m.s1 = team.sum(m.s1);
    m.s2 = team.sum(m.s2);
    put(SumEntropy, settled((pairs_log - team.sum(sum_log)) / m.pairs));
    if (!(wanted & needing(CENTRAL_SUMS))) return;
    const double mean = m.s1 / m.pairs;
    double m3 = 0, m4 = 0;
    for (i32 v = lowest + team.lane(); v <= highest; v += team.lanes()) {
        const double away = v - mean, cube = static_cast<double>(histogram[v]) * away * away * away;
        m3 += cube;
        m4 += cube * away;
    }
    put(ClusterShade, team.sum(m3) / m.pairs);
    put(ClusterProminence, team.sum(m4) / m.pairs);
}

// The features of the differences k = |i − j|, and their power sum.
template <class Team, class C, class Put>
RS_FN void difference_features(const Team& team, const CountLog& log, const C* histogram, i32 widest, double pairs_log,
                               double Ng, u32 wanted, Moments& m, const Put& put) {
    double k1 = 0, difference_log = 0;
    for (i32 k = team.lane(); k <= widest; k += team.lanes()) {
        const double c = static_cast<double>(histogram[k]) * k;
        k1 += c;
        m.k2 += c * k;
        difference_log += log(histogram[k]);
    }
    k1 = team.sum(k1);
    m.k2 = team.sum(m.k2);
    put(DifferenceAverage, k1 / m.pairs);
    put(DifferenceVariance, variance(m.pairs, k1, m.k2));
    put(DifferenceEntropy, settled((pairs_log - team.sum(difference_log)) / m.pairs));
    if (!(wanted & needing(WEIGHTS))) return;
    double id = 0, idm = 0, idn = 0, idmn = 0, inverse = 0;
    for (i32 k = team.lane(); k <= widest; k += team.lanes()) {
        const double c = static_cast<double>(histogram[k]), k2 = static_cast<double>(k) * k;
        if (c == 0) continue;
        id += c / (1 + k);
        idm += c / (1 + k2);
        idn += c / (1 + k / Ng);
        idmn += c / (1 + k2 / (Ng * Ng));
        if (k) inverse += c / k2;
    }
    put(Id, team.sum(id) / m.pairs);
    put(Idm, team.sum(idm) / m.pairs);
    put(Idn, team.sum(idn) / m.pairs);
    put(Idmn, team.sum(idmn) / m.pairs);
    put(InverseVariance, team.sum(inverse) / m.pairs);
}

// The features of one direction's counts, each given to `put`. `wanted` has a bit a feature; more may be put than
// is wanted, and of what is not wanted nothing is promised.
template <class Team, class C, class Put>
RS_FN void features(const Team& team, const Levels& levels, const CountLog& log, bool symmetric, const Scratch<C>& s,
                    const Counts<C>& n, u32 wanted, const Put& put) {
    const C whole = symmetric ? n.pairs + n.pairs : n.pairs;
    const double total = static_cast<double>(whole);  // what the matrix sums to
    const double total_log = log(whole), pairs_log = log(n.pairs);
    const i32 lowest = static_cast<i32>(levels.value[n.first]), highest = static_cast<i32>(levels.value[n.last]);

    // 1. The matrix and its margins.
    const double HXY = (total_log - n.joint_log) / total;
    put(JointEnergy, n.energy / (total * total));
    put(JointEntropy, settled(HXY));
    put(MaximumProbability, static_cast<double>(n.largest) / total);
    if (wanted & needing(MARGINS)) information_features(team, log, symmetric, s, n, total, total_log, HXY, put);

    // 2. The sums and the differences.
    Moments m;
    m.pairs = static_cast<double>(n.pairs);
    if (wanted & needing(SUMS)) sum_features(team, log, s.sum, 2 * lowest, 2 * highest, pairs_log, wanted, m, put);
    if (wanted & needing(DIFFERENCES)) {
        difference_features(team, log, s.difference, highest - lowest, pairs_log, levels.highest, wanted, m, put);
    }
    if (wanted & needing(MOMENTS)) {
        constexpr bool weighed = static_cast<C>(0.5) != 0;
        if (!symmetric) margin_moments(team, levels, s, n, m);
        if (weighed) {
            weighed_variances(team, levels, symmetric, s, n, m);
        } else {
            find_variances(symmetric, m);
        }
        moment_features(symmetric, m, put);
    }

    // 3. A small eigenvalue problem.
    if (wanted & needing(EIGENVALUE)) put(MCC, mcc(team, levels, symmetric, s, n));
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
