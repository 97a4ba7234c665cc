// What depends on a voxel and all its neighbours: grey level dependence (GLDM) and tone difference (NGTDM).
#pragma once

#include "sizes.hpp"

namespace rs::gldm {

struct Scratch {
    u32* matrix;    // levels × (2 × offsets + 1), zero between windows
    u32* touched;   // levels × (2 × offsets + 1)
    u32* by_level;  // levels, zero between windows
    u32* by_size;   // 2 × offsets + 1, zero between windows
};

// Column j − 1 of the matrix: j = 1 + the neighbours whose level differs by at most alpha.
RS_FN void window_features(const Lattice& g, const Levels& levels, const Box& box, const Offsets& offsets, i32 alpha,
                           const Scratch& s, double* out) {
    const i32 columns = 2 * offsets.count + 1;
    i32 touched = 0;
    for (i32 z = box.z0; z < box.z1; ++z) {
        for (i32 y = box.y0; y < box.y1; ++y) {
            for (i32 x = box.x0; x < box.x1; ++x) {
                const i32 level = g.at(z, y, x);
                if (!level) continue;
                const double here = levels.value[level - 1];
                i32 dependent = 0;
                for (i32 o = 0; o < 2 * offsets.count; ++o) {
                    const i32 sign = o < offsets.count ? 1 : -1, k = o < offsets.count ? o : o - offsets.count;
                    const i32 a = z + sign * offsets.z(k), b = y + sign * offsets.y(k), c = x + sign * offsets.x(k);
                    const i32 other = box.holds(a, b, c) ? g.at(a, b, c) : 0;
                    if (other) dependent += fabs(levels.value[other - 1] - here) <= alpha;
                }
                const u32 cell = static_cast<u32>(level - 1) * columns + dependent;
                if (s.matrix[cell]++ == 0) s.touched[touched++] = cell;
            }
        }
    }
    sizes::dense_features(levels, columns, s.matrix, s.touched, touched, s.by_level, s.by_size, out);
}

}  // namespace rs::gldm

// Formulas: Amadasun & King 1989; PyRadiomics' documentation (radiomics.ngtdm).
namespace rs::ngtdm {

enum Feature { Busyness, Coarseness, Complexity, Contrast, Strength, COUNT };

struct Scratch {
    double* n;     // levels: how many voxels; zero between windows
    double* s;     // levels: Σ |level − mean of its neighbours|; zero between windows
    i32* present;  // levels
};

RS_FN void window_features(const Lattice& g, const Levels& levels, const Box& box, const Offsets& offsets,
                           const Scratch& s, double* out) {
    double voxels = 0;
    for (i32 z = box.z0; z < box.z1; ++z) {
        for (i32 y = box.y0; y < box.y1; ++y) {
            for (i32 x = box.x0; x < box.x1; ++x) {
                const i32 level = g.at(z, y, x);
                if (!level) continue;
                double sum = 0;
                i32 count = 0;
                for (i32 o = 0; o < 2 * offsets.count; ++o) {
                    const i32 sign = o < offsets.count ? 1 : -1, k = o < offsets.count ? o : o - offsets.count;
                    const i32 a = z + sign * offsets.z(k), b = y + sign * offsets.y(k), c = x + sign * offsets.x(k);
                    const i32 other = box.holds(a, b, c) ? g.at(a, b, c) : 0;
                    if (!other) continue;
                    sum += levels.value[other - 1];
                    ++count;
                }
                ++voxels;
                s.n[level - 1] += 1;
                if (count) s.s[level - 1] += fabs(levels.value[level - 1] - sum / count);
            }
        }
    }
    i32 present = 0;
    double all = 0, coarse = 0;
    for (i32 i = 0; i < levels.count; ++i) {
        if (s.n[i] == 0) continue;
        s.present[present++] = i;
        all += s.s[i];
        coarse += s.n[i] / voxels * s.s[i];
    }
    double contrast = 0, busy = 0, complexity = 0, strength = 0;
    for (i32 a = 0; a < present; ++a) {
        const double i = levels.value[s.present[a]], p = s.n[s.present[a]] / voxels, ps = p * s.s[s.present[a]];
        for (i32 b = 0; b < a; ++b) {  // every term is symmetric in i and j, and zero for i = j
            const double j = levels.value[s.present[b]], q = s.n[s.present[b]] / voxels, qs = q * s.s[s.present[b]];
            const double away = i - j;
            contrast += 2 * p * q * away * away;
            busy += 2 * fabs(i * p - j * q);
            complexity += 2 * fabs(away) * (ps + qs) / (p + q);
            strength += 2 * (p + q) * away * away;
        }
    }
    const double pairs = static_cast<double>(present) * (present - 1);
    out[Coarseness] = coarse != 0 ? 1 / coarse : 1e6;
    out[Contrast] = pairs != 0 ? contrast * all / voxels / pairs : 0.0;
    out[Busyness] = busy != 0 ? coarse / busy : 0.0;
    out[Complexity] = voxels > 0 ? complexity / voxels : 0.0;
    out[Strength] = all != 0 ? strength / all : 0.0;
    for (i32 a = 0; a < present; ++a) s.n[s.present[a]] = s.s[s.present[a]] = 0;
}

}  // namespace rs::ngtdm
