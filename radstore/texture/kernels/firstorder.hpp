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

// image: intensities on the lattice's grid; levels: grey levels there, for Entropy and Uniformity.
RS_FN void window_features(const double* image, const Lattice& g, const Levels& levels, const Box& box, double shift,
                           double voxel_volume, const Scratch& s, double* out) {
    i32 n = 0;
    double sum = 0, energy = 0;
    for (i32 z = box.z0; z < box.z1; ++z) {
        for (i32 y = box.y0; y < box.y1; ++y) {
            for (i32 x = box.x0; x < box.x1; ++x) {
                const i64 at = (static_cast<i64>(z) * g.ny + y) * g.nx + x;
                const i32 level = g.level[at];
                if (!level) continue;
                const double v = image[at];
                s.values[n++] = v;
                sum += v;
                energy += (v + shift) * (v + shift);
                ++s.by_level[level - 1];
            }
        }
    }
    if (n == 0) {
        for (i32 f = 0; f < COUNT; ++f) out[f] = nan_value();
        return;
    }
    double uniformity = 0, level_log = 0;
    for (i32 i = 0; i < levels.count; ++i) {
        const double c = s.by_level[i];
        s.by_level[i] = 0;
        uniformity += c * c;
        level_log += clog2(c);
    }
    const double mean = sum / n;
    double m2 = 0, m3 = 0, m4 = 0, absolute = 0;
    for (i32 i = 0; i < n; ++i) {
        const double d = s.values[i] - mean, d2 = d * d;
        m2 += d2;
        m3 += d2 * d;
        m4 += d2 * d2;
        absolute += fabs(d);
    }
    m2 /= n;
    m3 /= n;
    m4 /= n;
    sort(s.values, n);
    const double p10 = percentile(s.values, n, 0.1), p90 = percentile(s.values, n, 0.9);
    i32 inner = 0;
    double inner_sum = 0, inner_absolute = 0;
    for (i32 i = 0; i < n; ++i) {
        if (s.values[i] < p10 || s.values[i] > p90) continue;
        inner_sum += s.values[i];
        ++inner;
    }
    for (i32 i = 0; i < n; ++i) {
        if (s.values[i] < p10 || s.values[i] > p90) continue;
        inner_absolute += fabs(s.values[i] - inner_sum / inner);
    }
    out[P10] = p10;
    out[P90] = p90;
    out[Energy] = energy;
    out[TotalEnergy] = energy * voxel_volume;
    out[Entropy] = log2(static_cast<double>(n)) - level_log / n;
    out[Uniformity] = uniformity / (static_cast<double>(n) * n);
    out[InterquartileRange] = percentile(s.values, n, 0.75) - percentile(s.values, n, 0.25);
    out[Minimum] = s.values[0];
    out[Maximum] = s.values[n - 1];
    out[Range] = s.values[n - 1] - s.values[0];
    out[Mean] = mean;
    out[Median] = n % 2 ? s.values[n / 2] : (s.values[n / 2 - 1] + s.values[n / 2]) / 2;
    out[MeanAbsoluteDeviation] = absolute / n;
    out[RobustMeanAbsoluteDeviation] = inner_absolute / inner;
    out[RootMeanSquared] = sqrt(energy / n);
    out[Variance] = m2;
    out[StandardDeviation] = sqrt(m2);
    out[Skewness] = m2 > 0 ? m3 / (m2 * sqrt(m2)) : 0.0;
    out[Kurtosis] = m2 > 0 ? m4 / (m2 * m2) : 0.0;
}

}  // namespace rs::firstorder
