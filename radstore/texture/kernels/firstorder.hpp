// First order statistics of the intensities in a window.
//
// Formulas: PyRadiomics' documentation (radiomics.firstorder): population variance, Kurtosis without −3,
// percentiles by linear interpolation (numpy's default), RobustMeanAbsoluteDeviation over the closed P10 … P90.
#pragma once

#include "team.hpp"

namespace rs::firstorder {

// What a feature needs: a section of the windows' features.
enum Need : u32 { TOTALS = 1, LEVELS = 2, DISTANCES = 4, ORDER = 8 };

#define RS_FIRSTORDER_FEATURES(X, OWN)                                                                              \
    X(P10, ORDER) X(P90, ORDER) X(Energy, TOTALS) X(Entropy, LEVELS) X(InterquartileRange, ORDER)                   \
    X(Kurtosis, DISTANCES) X(Maximum, TOTALS) X(MeanAbsoluteDeviation, DISTANCES) X(Mean, TOTALS)                   \
    X(Median, ORDER) X(Minimum, TOTALS) X(Range, TOTALS) X(RobustMeanAbsoluteDeviation, ORDER)                      \
    X(RootMeanSquared, TOTALS) X(Skewness, DISTANCES) X(StandardDeviation, DISTANCES) X(TotalEnergy, TOTALS)        \
    X(Uniformity, LEVELS) X(Variance, DISTANCES)                                                                    \
    OWN(CoefficientOfVariation, DISTANCES, "StandardDeviation over Mean; NaN where the Mean is 0")                  \
    OWN(QuartileCoefficientOfDispersion, ORDER, "75th less 25th percentile over their sum; NaN where that is 0")

RS_ENUM(RS_FIRSTORDER_FEATURES);
RS_NEEDING(RS_FIRSTORDER_FEATURES)

struct Scratch {
    double* values;  // the box's voxels
    u32* by_level;   // levels, zero between windows
};

// numpy.percentile's linear interpolation in sorted values.
RS_FN double percentile(const double* sorted, i32 n, double q) {
    const double at = (n - 1) * q;
    const i32 low = static_cast<i32>(at);
    if (low + 1 >= n) return sorted[n - 1];
    const double t = at - low, a = sorted[low], b = sorted[low + 1];
    return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}

// How many sorted values come first of which `is` holds.
template <class Is>
RS_FN i32 before(const double* sorted, i32 n, const Is& is) {
    i32 low = 0, high = n;
    while (low < high) {
        const i32 middle = low + (high - low) / 2;
        if (is(sorted[middle])) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// The features that need the values in order.
template <class Team, class Put>
RS_FN void ordered_features(const Team& team, const double* sorted, i32 n, const Put& put) {
    const double p10 = percentile(sorted, n, 0.1), p90 = percentile(sorted, n, 0.9);
    const i32 first = before(sorted, n, [&](double v) { return v < p10; });  // the closed P10 … P90
    const i32 last = before(sorted, n, [&](double v) { return v <= p90; });
    double mean = 0, absolute = 0;
    for (i32 i = first + team.lane(); i < last; i += team.lanes()) mean += sorted[i];
    mean = team.sum(mean) / (last - first);
    for (i32 i = first + team.lane(); i < last; i += team.lanes()) absolute += fabs(sorted[i] - mean);
    put(P10, p10);
    put(P90, p90);
    const double p25 = percentile(sorted, n, 0.25), p75 = percentile(sorted, n, 0.75);
    put(InterquartileRange, p75 - p25);
    put(QuartileCoefficientOfDispersion, p75 + p25 != 0 ? (p75 - p25) / (p75 + p25) : nan_value());
    put(Median, n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2);
    put(RobustMeanAbsoluteDeviation, team.sum(absolute) / (last - first));
}

// The features of the values' distances from their mean.
template <class Team, class Put>
RS_FN void moment_features(const Team& team, const double* values, i32 n, double mean, bool flat, const Put& put) {
    double m2 = 0, m3 = 0, m4 = 0, absolute = 0;
    for (i32 i = team.lane(); i < n && !flat; i += team.lanes()) {  // flat: the mean's rounding is no spread
        const double d = values[i] - mean, d2 = d * d;
        m2 += d2;
        m3 += d2 * d;
        m4 += d2 * d2;
        absolute += fabs(d);
    }
    m2 = team.sum(m2) / n;
    m3 = team.sum(m3) / n;
    m4 = team.sum(m4) / n;
    put(MeanAbsoluteDeviation, team.sum(absolute) / n);
    put(Variance, m2);
    put(StandardDeviation, sqrt(m2));
    put(CoefficientOfVariation, mean != 0 ? sqrt(m2) / mean : nan_value());
    put(Skewness, m2 > 0 ? m3 / (m2 * sqrt(m2)) : 0.0);
    put(Kurtosis, m2 > 0 ? m4 / (m2 * m2) : 0.0);
}

// The features of the grey levels' counts; clears them.
template <class Team, class Put>
RS_FN void level_features(const Team& team, u32* by_level, i32 levels, const CountLog& log, i32 n, const Put& put) {
    double uniformity = 0, level_log = 0;
    for (i32 i = team.lane(); i < levels; i += team.lanes()) {
        const double c = by_level[i];
        uniformity += c * c;
        level_log += log(by_level[i]);
        by_level[i] = 0;
    }
    put(Entropy, settled((log(static_cast<u32>(n)) - team.sum(level_log)) / n));
    put(Uniformity, team.sum(uniformity) / (static_cast<double>(n) * n));
    team.sync();
}

// What one pass over the values gives.
struct Totals {
    i32 n = 0;
    double sum = 0, energy = 0, low = 0, high = 0;

    RS_FN void add(double v, double shift) {
        if (n == 0 || v < low) low = v;
        if (n == 0 || v > high) high = v;
        ++n;
        sum += v;
        energy += (v + shift) * (v + shift);
    }
    RS_FN void add(const Totals& t) {
        if (t.n == 0) return;
        if (n == 0 || t.low < low) low = t.low;
        if (n == 0 || t.high > high) high = t.high;
        n += t.n;
        sum += t.sum;
        energy += t.energy;
    }
};

template <class Put>
RS_FN void total_features(const Totals& t, double voxel_volume, const Put& put) {
    put(Energy, t.energy);
    put(TotalEnergy, t.energy * voxel_volume);
    put(RootMeanSquared, sqrt(t.energy / t.n));
    put(Minimum, t.low);
    put(Maximum, t.high);
    put(Range, t.high - t.low);
    put(Mean, t.sum / t.n);
}

// image: intensities on the lattice's grid; levels: grey levels there, for Entropy and Uniformity. `wanted` has a
// bit a feature; what needs sorting is left out (NaN) unless wanted.
RS_FN void window_features(const double* image, const Lattice& g, const Levels& levels, const CountLog& log,
                           const Box& box, double shift, double voxel_volume, u32 wanted, const Scratch& s,
                           double* out) {
    const Alone team;
    const Row<Alone> put{team, out};
    for (i32 f = 0; f < COUNT; ++f) put(f, nan_value());
    Totals totals;
    for (i32 z = box.z0; z < box.z1; ++z) {
        for (i32 y = box.y0; y < box.y1; ++y) {
            for (i32 x = box.x0; x < box.x1; ++x) {
                const i64 at = (static_cast<i64>(z) * g.ny + y) * g.nx + x;
                const i32 level = g.level[at];
                if (!level) continue;
                s.values[totals.n] = image[at];
                totals.add(image[at], shift);
                ++s.by_level[level - 1];
            }
        }
    }
    const i32 n = totals.n;
    if (n == 0) return;
    total_features(totals, voxel_volume, put);
    level_features(team, s.by_level, levels.count, log, n, put);
    moment_features(team, s.values, n, totals.sum / n, totals.low == totals.high, put);
    if (!(wanted & needing(ORDER))) return;
    sort(s.values, n);
    ordered_features(team, s.values, n, put);
}

}  // namespace rs::firstorder
