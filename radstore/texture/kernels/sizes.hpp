// The sixteen features that run lengths, zone sizes and dependences have in common.
//
// A matrix P(i, j): how many runs (zones, voxels) of grey level i have length (size, dependence) j. Formulas:
// Galloway 1975, Chu 1990, Dasarathy & Holder 1991, Thibault 2009, Sun & Wee 1983; PyRadiomics' documentation.
#pragma once

#include "common.hpp"

namespace rs::sizes {

enum Feature {
    GrayLevelNonUniformity, GrayLevelNonUniformityNormalized, GrayLevelVariance, HighGrayLevelEmphasis,
    LargeEmphasis, LargeHighGrayLevelEmphasis, LargeLowGrayLevelEmphasis, LowGrayLevelEmphasis, Entropy,
    SizeNonUniformity, SizeNonUniformityNormalized, Percentage, SizeVariance, SmallEmphasis,
    SmallHighGrayLevelEmphasis, SmallLowGrayLevelEmphasis, COUNT
};

// Sums over the cells of a matrix. Feed every cell once, every level's and every size's total once.
struct Sums {
    double count = 0;   // Σ P
    double voxels = 0;  // Σ P·j
    double joint_log = 0, levels2 = 0, sizes2 = 0;
    double i1 = 0, i2 = 0, i_2 = 0, j2 = 0, j_2 = 0;
    double i2j2 = 0, i_2j2 = 0, i2j_2 = 0, i_2j_2 = 0;

    // log: c · log2 c
    RS_FN void cell(double i, double j, double c, double log) {
        const double ii = i * i, jj = j * j, per_ii = 1 / ii, per_jj = 1 / jj;
        count += c;
        voxels += c * j;
        joint_log += log;
        i1 += c * i;
        i2 += c * ii;
        i_2 += c * per_ii;
        j2 += c * jj;
        j_2 += c * per_jj;
        i2j2 += c * ii * jj;
        i_2j2 += c * jj * per_ii;
        i2j_2 += c * ii * per_jj;
        i_2j_2 += c * per_ii * per_jj;
    }
    RS_FN void level(double c) { levels2 += c * c; }
    RS_FN void size(double c) { sizes2 += c * c; }

    // `level_spread`, `size_spread`: Σ c (i − mean)² and Σ c (j − mean)², from the means below.
    RS_FN void features(double level_spread, double size_spread, double* out) const {
        const double n = count > 0 ? count : 1;  // PyRadiomics: an empty matrix is divided by one
        out[SmallEmphasis] = j_2 / n;
        out[LargeEmphasis] = j2 / n;
        out[GrayLevelNonUniformity] = levels2 / n;
        out[GrayLevelNonUniformityNormalized] = levels2 / (n * n);
        out[SizeNonUniformity] = sizes2 / n;
        out[SizeNonUniformityNormalized] = sizes2 / (n * n);
        out[Percentage] = n / (voxels > 0 ? voxels : 1);
        out[GrayLevelVariance] = level_spread / n;
        out[SizeVariance] = size_spread / n;
        out[Entropy] = count > 0 ? log2(count) - joint_log / count : 0.0;
        out[LowGrayLevelEmphasis] = i_2 / n;
        out[HighGrayLevelEmphasis] = i2 / n;
        out[SmallLowGrayLevelEmphasis] = i_2j_2 / n;
        out[SmallHighGrayLevelEmphasis] = i2j_2 / n;
        out[LargeLowGrayLevelEmphasis] = i_2j2 / n;
        out[LargeHighGrayLevelEmphasis] = i2j2 / n;
    }
    RS_FN double level_mean() const { return count > 0 ? i1 / count : 0; }
    RS_FN double size_mean() const { return count > 0 ? voxels / count : 0; }
};

// The features of a dense matrix P[level][size − 1] with `sizes` columns, of which `touched` cells are not zero;
// clears it. by_level, by_size: scratch, zero before and after.
template <class C>
RS_FN void dense_features(const Levels& levels, const CountLog& log, i32 sizes, C* P, const u32* touched, i32 n,
                          C* by_level, C* by_size, double* out) {
    Sums sums;
    i32 first = levels.count, last = -1, longest = -1;  // what occurs
    for (i32 t = 0; t < n; ++t) {
        const i32 i = static_cast<i32>(touched[t] / sizes), j = static_cast<i32>(touched[t] % sizes);
        const C c = P[touched[t]];
        P[touched[t]] = 0;
        sums.cell(levels.value[i], j + 1, static_cast<double>(c), log(c));
        by_level[i] += c;
        by_size[j] += c;
        if (i < first) first = i;
        if (i > last) last = i;
        if (j > longest) longest = j;
    }
    const double level_mean = sums.level_mean(), size_mean = sums.size_mean();
    double level_spread = 0, size_spread = 0;
    for (i32 i = first; i <= last; ++i) {
        const double c = static_cast<double>(by_level[i]), away = levels.value[i] - level_mean;
        by_level[i] = 0;
        sums.level(c);
        level_spread += c * away * away;
    }
    for (i32 j = 0; j <= longest; ++j) {
        const double c = static_cast<double>(by_size[j]), away = j + 1 - size_mean;
        by_size[j] = 0;
        sums.size(c);
        size_spread += c * away * away;
    }
    sums.features(level_spread, size_spread, out);
}

}  // namespace rs::sizes
