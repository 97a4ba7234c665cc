// What depends on a voxel and all its neighbours: grey level dependence (GLDM) and tone difference (NGTDM).
#pragma once

#include "sizes.hpp"

namespace rs::neighbours {

// How far each offset's neighbour is in a patch; its opposite is as far the other way.
RS_FN void steps(const Patch& patch, const Offsets& offsets, i32* step) {
    for (i32 a = 0; a < offsets.count; ++a) step[a] = patch.step(offsets.z(a), offsets.y(a), offsets.x(a));
}

}  // namespace rs::neighbours

namespace rs::gldm {

struct Scratch {
    i32* patch;     // the box with a border as wide as the longest offset
    i32* step;      // offsets
    u32* matrix;    // levels × (2 × offsets + 1), zero between windows
    u32* touched;   // levels × (2 × offsets + 1)
    u32* by_level;  // levels, zero between windows
    u32* by_size;   // 2 × offsets + 1, zero between windows
};

// Column j − 1 of the matrix: j = 1 + the neighbours whose level differs by at most alpha.
RS_FN void window_features(const Lattice& g, const Levels& levels, const CountLog& log, const Box& box,
                           const Offsets& offsets, i32 reach, i32 alpha, const Scratch& s, double* out) {
    const i32 columns = 2 * offsets.count + 1;
    const Patch patch = cut(g, levels, box, reach, s.patch);
    neighbours::steps(patch, offsets, s.step);
    i32 touched = 0;
    for (i32 z = 0; z < box.nz(); ++z) {
        for (i32 y = 0; y < box.ny(); ++y) {
            for (i32 x = 0; x < box.nx(); ++x) {
                const i32* here = patch.value + patch.at(z, y, x);
                if (!*here) continue;
                const i32 low = *here - alpha > 1 ? *here - alpha : 1, high = *here + alpha;  // 0 is no level
                i32 dependent = 0;
                for (i32 o = 0; o < offsets.count; ++o) {
                    const i32 one = here[s.step[o]], other = here[-s.step[o]];
                    dependent += (one >= low && one <= high) + (other >= low && other <= high);
                }
                const u32 place = g.at(box.z0 + z, box.y0 + y, box.x0 + x) - 1u;
                const u32 cell = place * static_cast<u32>(columns) + static_cast<u32>(dependent);
                if (s.matrix[cell]++ == 0) s.touched[touched++] = cell;
            }
        }
    }
    const Alone team;
    sizes::dense_features(team, levels, log, columns, s.matrix, s.touched, touched, s.by_level, s.by_size,
                          Row<Alone>{team, out});
}

}  // namespace rs::gldm

// Formulas: Amadasun & King 1989; PyRadiomics' documentation (radiomics.ngtdm).
namespace rs::ngtdm {

#define RS_NGTDM_FEATURES(X, OWN)                                                                                   \
 \
    X(Busyness, 0) X(Coarseness, 0) X(Complexity, 0) X(Contrast, 0) X(Strength, 0)

RS_ENUM(RS_NGTDM_FEATURES);

struct Scratch {
    i32* patch;    // the box with a border as wide as the longest offset
    i32* step;     // offsets
    double* n;     // levels: how many voxels; zero between windows
    double* s;     // levels: Σ |level − mean of its neighbours|; zero between windows
    i32* present;  // levels
};

// The features of the counts n and the sums s of differences; clears both. present: scratch, a place a level.
template <class Team, class Put>
RS_FN void features(const Team& team, const Levels& levels, double* n, double* s, i32* present, double voxels,
                    const Put& put) {
    i32 levels_present = 0;
    double all = 0, coarse = 0;
    for (i32 i = 0; i < levels.count; ++i) {  // every lane: the list is short, and its order is the sums'
        if (n[i] == 0) continue;
        if (team.lane() == 0) present[levels_present] = i;
        ++levels_present;
        all += s[i];
        coarse += n[i] / voxels * s[i];
    }
    team.sync();
    double contrast = 0, busy = 0, complexity = 0, strength = 0;
    for (i32 a = team.lane(); a < levels_present; a += team.lanes()) {
        const double i = levels.value[present[a]], p = n[present[a]] / voxels, ps = p * s[present[a]];
        for (i32 b = 0; b < a; ++b) {  // every term is symmetric in i and j, and zero for i = j
            const double j = levels.value[present[b]], q = n[present[b]] / voxels, qs = q * s[present[b]];
            const double away = i - j;
            contrast += 2 * p * q * away * away;
            busy += 2 * fabs(i * p - j * q);
            complexity += 2 * fabs(away) * (ps + qs) / (p + q);
            strength += 2 * (p + q) * away * away;
        }
    }
    contrast = team.sum(contrast);
    busy = team.sum(busy);
    complexity = team.sum(complexity);
    strength = team.sum(strength);
    const double pairs = static_cast<double>(levels_present) * (levels_present - 1);
    put(Coarseness, coarse != 0 ? 1 / coarse : 1e6);
    put(Contrast, pairs != 0 ? contrast * all / voxels / pairs : 0.0);
    put(Busyness, busy != 0 ? coarse / busy : 0.0);
    put(Complexity, voxels > 0 ? complexity / voxels : 0.0);
    put(Strength, all != 0 ? strength / all : 0.0);
    team.sync();
    for (i32 a = team.lane(); a < levels_present; a += team.lanes()) n[present[a]] = s[present[a]] = 0;
    team.sync();
}

RS_FN void window_features(const Lattice& g, const Levels& levels, const Box& box, const Offsets& offsets, i32 reach,
                           const Scratch& s, double* out) {
    const Patch patch = cut(g, levels, box, reach, s.patch);
    neighbours::steps(patch, offsets, s.step);
    double voxels = 0;
    for (i32 z = 0; z < box.nz(); ++z) {
        for (i32 y = 0; y < box.ny(); ++y) {
            for (i32 x = 0; x < box.nx(); ++x) {
                const i32* here = patch.value + patch.at(z, y, x);
                if (!*here) continue;
                i64 sum = 0;
                i32 count = 0;
                for (i32 o = 0; o < offsets.count; ++o) {
                    const i32 one = here[s.step[o]], other = here[-s.step[o]];
                    sum += static_cast<i64>(one) + other;
                    count += (one != 0) + (other != 0);
                }
                const i32 place = g.at(box.z0 + z, box.y0 + y, box.x0 + x) - 1;
                ++voxels;
                s.n[place] += 1;
                if (count) s.s[place] += fabs(*here - static_cast<double>(sum) / count);
            }
        }
    }
    const Alone team;
    features(team, levels, s.n, s.s, s.present, voxels, Row<Alone>{team, out});
}

}  // namespace rs::ngtdm
