// The sixteen features that run lengths, zone sizes and dependences have in common.
//
// A matrix P(i, j): how many runs (zones, voxels) of grey level i have length (size, dependence) j. Formulas:
// Galloway 1975, Chu 1990, Dasarathy & Holder 1991, Thibault 2009, Sun & Wee 1983; PyRadiomics' documentation.
#pragma once

#include "team.hpp"

namespace rs::sizes {

#define RS_SIZES_FEATURES(X, OWN)                                                                                   \
    X(GrayLevelNonUniformity, 0) X(GrayLevelNonUniformityNormalized, 0) X(GrayLevelVariance, 0)                     \
    X(HighGrayLevelEmphasis, 0) X(LargeEmphasis, 0) X(LargeHighGrayLevelEmphasis, 0)                                \
    X(LargeLowGrayLevelEmphasis, 0) X(LowGrayLevelEmphasis, 0) X(Entropy, 0) X(SizeNonUniformity, 0)                \
    X(SizeNonUniformityNormalized, 0) X(Percentage, 0) X(SizeVariance, 0) X(SmallEmphasis, 0)                       \
    X(SmallHighGrayLevelEmphasis, 0) X(SmallLowGrayLevelEmphasis, 0)

RS_ENUM(RS_SIZES_FEATURES);

// Sums over the sizes of one level, or over a single cell: Σ c, Σ c·j, Σ c·j², Σ c/j², Σ c·log2 c.
struct OneLevel {
    double count, voxels, j2, j_2, log;
};

// Sums over the cells of a matrix. Feed every cell once (or every level), every level's and every size's total once.
struct Sums {
    double count = 0;   // Σ P
    double voxels = 0;  // Σ P·j
    double joint_log = 0, levels2 = 0, sizes2 = 0;
    double i1 = 0, i2 = 0, i_2 = 0, j2 = 0, j_2 = 0;
    double i2j2 = 0, i_2j2 = 0, i2j_2 = 0, i_2j_2 = 0;

    // log: c · log2 c
    RS_FN void cell(double i, double j, double c, double log) {
        const double jj = j * j;
        one_level(i, {c, c * j, c * jj, c / jj, log});
    }
    RS_FN void one_level(double i, const OneLevel& l) {
        const double ii = i * i, per_ii = 1 / ii;
        count += l.count;
        voxels += l.voxels;
        joint_log += l.log;
        i1 += l.count * i;
        i2 += l.count * ii;
        i_2 += l.count * per_ii;
        j2 += l.j2;
        j_2 += l.j_2;
        i2j2 += l.j2 * ii;
        i_2j2 += l.j2 * per_ii;
        i2j_2 += l.j_2 * ii;
        i_2j_2 += l.j_2 * per_ii;
    }
    RS_FN void level(double c) { levels2 += c * c; }
    RS_FN void size(double c) { sizes2 += c * c; }

    // Add what the other lanes fed.
    template <class Team>
    RS_FN void gather(const Team& team) {
        double* const parts[] = {&count, &voxels, &joint_log, &i1, &i2, &i_2, &j2, &j_2, &i2j2, &i_2j2, &i2j_2, &i_2j_2};
        for (double* part : parts) *part = team.sum(*part);
    }

    // `level_spread`, `size_spread`: Σ c (i − mean)² and Σ c (j − mean)², from the means below.
    template <class Put>
    RS_FN void features(double level_spread, double size_spread, const Put& put) const {
        const double n = count > 0 ? count : 1;  // PyRadiomics: an empty matrix is divided by one
        put(SmallEmphasis, j_2 / n);
        put(LargeEmphasis, j2 / n);
        put(GrayLevelNonUniformity, levels2 / n);
        put(GrayLevelNonUniformityNormalized, levels2 / (n * n));
        put(SizeNonUniformity, sizes2 / n);
        put(SizeNonUniformityNormalized, sizes2 / (n * n));
        put(Percentage, n / (voxels > 0 ? voxels : 1));
        put(GrayLevelVariance, level_spread / n);
        put(SizeVariance, size_spread / n);
        put(Entropy, entropy());
        put(LowGrayLevelEmphasis, i_2 / n);
        put(HighGrayLevelEmphasis, i2 / n);
        put(SmallLowGrayLevelEmphasis, i_2j_2 / n);
        put(SmallHighGrayLevelEmphasis, i2j_2 / n);
        put(LargeLowGrayLevelEmphasis, i_2j2 / n);
        put(LargeHighGrayLevelEmphasis, i2j2 / n);
    }
    // The last step: gather what the lanes fed after the means were known, and put the features.
    template <class Team, class Put>
    RS_FN void finish(const Team& team, double level_spread, double size_spread, const Put& put) {
        levels2 = team.sum(levels2);
        sizes2 = team.sum(sizes2);
        features(team.sum(level_spread), team.sum(size_spread), put);
    }
    RS_FN double entropy() const { return settled(count > 0 ? log2(count) - joint_log / count : 0); }
    RS_FN double level_mean() const { return count > 0 ? i1 / count : 0; }
    RS_FN double size_mean() const { return count > 0 ? voxels / count : 0; }
    // The same spreads from power sums, where counts are whole.
    RS_FN double level_spread() const { return count > 0 ? count * variance(count, i1, i2) : 0; }
    RS_FN double size_spread() const { return count > 0 ? count * variance(count, voxels, j2) : 0; }
};

// The features of a dense matrix P[level][size − 1] with `sizes` columns; clears it. touched: its `n` cells that are
// not zero, or null: all `n` cells are looked at. by_level, by_size: scratch, zero before and after.
template <class Team, class C, class Put>
RS_FN void dense_features(const Team& team, const Levels& levels, const CountLog& log, i32 sizes, C* P,
                          const u32* touched, i32 n, C* by_level, C* by_size, const Put& put) {
    Sums sums;
    i32 first = levels.count, last = -1, longest = -1;  // what occurs
    for (i32 t = team.lane(); t < n; t += team.lanes()) {
        const u32 cell = touched ? touched[t] : static_cast<u32>(t);
        const C c = P[cell];
        if (c == 0) continue;
        P[cell] = 0;
        const i32 i = static_cast<i32>(cell / sizes), j = static_cast<i32>(cell % sizes);
        sums.cell(levels.value[i], j + 1, static_cast<double>(c), log(c));
        team.add(by_level[i], c);
        team.add(by_size[j], c);
        if (i < first) first = i;
        if (i > last) last = i;
        if (j > longest) longest = j;
    }
    sums.gather(team);
    first = team.least(first);
    last = team.most(last);
    longest = team.most(longest);
    team.sync();
    const double level_mean = sums.level_mean(), size_mean = sums.size_mean();
    double level_spread = 0, size_spread = 0;
    for (i32 i = first + team.lane(); i <= last; i += team.lanes()) {
        const double c = static_cast<double>(by_level[i]), away = levels.value[i] - level_mean;
        by_level[i] = 0;
        sums.level(c);
        level_spread += c * away * away;
    }
    for (i32 j = team.lane(); j <= longest; j += team.lanes()) {
        const double c = static_cast<double>(by_size[j]), away = j + 1 - size_mean;
        by_size[j] = 0;
        sums.size(c);
        size_spread += c * away * away;
    }
    sums.finish(team, level_spread, size_spread, put);
    team.sync();
}

}  // namespace rs::sizes
