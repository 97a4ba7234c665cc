// First order statistics of the intensities in a window.
//
// Formulas: PyRadiomics' documentation (radiomics.firstorder): population variance, Kurtosis without −3,
// percentiles by linear interpolation (numpy's default), RobustMeanAbsoluteDeviation over the closed P10 … P90.
#pragma once

#include "common.hpp"

namespace rs::firstorder {

enum Feature {
    P10, P90, Energy, Entropy, InterquartileRange, Kurtosis, Maximum, MeanAbsoluteDeviation, Mean, Median, Minimum,
    Range, RobustMeanAbsoluteDeviation, RootMeanSquared, Skewness, StandardDeviation, TotalEnergy, Uniformity,
    Variance, COUNT
};

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

constexpr u32 ORDERED = 1u << P10 | 1u << P90 | 1u << InterquartileRange | 1u << Median | 1u << RobustMeanAbsoluteDeviation;

// The features that need the values in order.
RS_FN void ordered(double* values, i32 n, double* out) {
    sort(values, n);
    const double p10 = percentile(values, n, 0.1), p90 = percentile(values, n, 0.9);
    i32 first = 0, last = n;  // the closed P10 … P90
    while (values[first] < p10) ++first;
    while (values[last - 1] > p90) --last;
    double mean = 0, absolute = 0;
    for (i32 i = first; i < last; ++i) mean += values[i];
    mean /= last - first;
    for (i32 i = first; i < last; ++i) absolute += fabs(values[i] - mean);
    out[P10] = p10;
    out[P90] = p90;
    out[InterquartileRange] = percentile(values, n, 0.75) - percentile(values, n, 0.25);
    out[Median] = n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
    out[RobustMeanAbsoluteDeviation] = absolute / (last - first);
}

// The features of the values' distances from their mean.
RS_FN void moments(const double* values, i32 n, double mean, bool flat, double* out) {
    double m2 = 0, m3 = 0, m4 = 0, absolute = 0;
    for (i32 i = 0; i < n && !flat; ++i) {  // flat: the mean's rounding is no spread
        const double d = values[i] - mean, d2 = d * d;
        m2 += d2;
        m3 += d2 * d;
        m4 += d2 * d2;
        absolute += fabs(d);
    }
    m2 /= n;
    m3 /= n;
    m4 /= n;
    out[MeanAbsoluteDeviation] = absolute / n;
    out[Variance] = m2;
    out[StandardDeviation] = sqrt(m2);
    out[Skewness] = m2 > 0 ? m3 / (m2 * sqrt(m2)) : 0.0;
    out[Kurtosis] = m2 > 0 ? m4 / (m2 * m2) : 0.0;
}

// The features of the grey levels' counts; clears them.
RS_FN void levels_features(u32* by_level, i32 levels, const CountLog& log, i32 n, double* out) {
    double uniformity = 0, level_log = 0;
    for (i32 i = 0; i < levels; ++i) {
        const double c = by_level[i];
        uniformity += c * c;
        level_log += log(by_level[i]);
        by_level[i] = 0;
    }
    out[Entropy] = (log(static_cast<u32>(n)) - level_log) / n;
    out[Uniformity] = uniformity / (static_cast<double>(n) * n);
}

// image: intensities on the lattice's grid; levels: grey levels there, for Entropy and Uniformity. `wanted` has a
// bit a feature; what needs sorting is left out (NaN) unless wanted.
RS_FN void window_features(const double* image, const Lattice& g, const Levels& levels, const CountLog& log,
                           const Box& box, double shift, double voxel_volume, u32 wanted, const Scratch& s,
                           double* out) {
    for (i32 f = 0; f < COUNT; ++f) out[f] = nan_value();
    i32 n = 0;
    double sum = 0, energy = 0, low = 0, high = 0;
    for (i32 z = box.z0; z < box.z1; ++z) {
        for (i32 y = box.y0; y < box.y1; ++y) {
            for (i32 x = box.x0; x < box.x1; ++x) {
                const i64 at = (static_cast<i64>(z) * g.ny + y) * g.nx + x;
                const i32 level = g.level[at];
                if (!level) continue;
                const double v = image[at];
                if (n == 0 || v < low) low = v;
                if (n == 0 || v > high) high = v;
                s.values[n++] = v;
                sum += v;
                energy += (v + shift) * (v + shift);
                ++s.by_level[level - 1];
            }
        }
    }
    if (n == 0) return;
    out[Energy] = energy;
    out[TotalEnergy] = energy * voxel_volume;
    out[RootMeanSquared] = sqrt(energy / n);
    out[Minimum] = low;
    out[Maximum] = high;
    out[Range] = high - low;
    out[Mean] = sum / n;
    levels_features(s.by_level, levels.count, log, n, out);
    moments(s.values, n, out[Mean], low == high, out);
    if (wanted & ORDERED) ordered(s.values, n, out);
}

}  // namespace rs::firstorder
