// Grey level size zones: connected voxels of one level (26 neighbours; 8 in a plane with force2D).
#pragma once

#include "sizes.hpp"

namespace rs::glszm {

// Scratch for one window; `zones` holds level place × 2³² + size, so that sorting groups equal cells.
struct Scratch {
    i32* patch;     // the box with a border of one voxel
    u64* zones;     // the box's voxels
    u32* sizes;     // the box's voxels
    i32* stack;     // the box's voxels
    u32* by_level;  // levels, zero between windows
};

constexpr i32 REACH = 1;  // zones know only direct neighbours
constexpr i32 MAX_STEPS = 26;

// The size of the zone around a voxel of the patch; its voxels are set to 0, so that none is met twice.
RS_FN i32 flood(const Patch& patch, i32 first, const i32* step, i32 steps, i32* stack) {
    const i32 level = patch.value[first];
    i32 size = 0, waiting = 0;
    patch.value[first] = 0;
    stack[waiting++] = first;
    while (waiting) {
        const i32 at = stack[--waiting];
        ++size;
        for (i32 o = 0; o < steps; ++o) {
            const i32 next = at + step[o];
            if (patch.value[next] != level) continue;
            patch.value[next] = 0;
            stack[waiting++] = next;
        }
    }
    return size;
}

// Find the zones of a box by flooding; returns how many there are. offsets: one of each opposite pair.
RS_FN i32 find(const Lattice& g, const Levels& levels, const Box& box, const Offsets& offsets, const Scratch& s) {
    const Patch patch = cut(g, levels, box, REACH, s.patch);
    i32 step[MAX_STEPS], steps = 0, zones = 0;
    for (i32 a = 0; a < offsets.count; ++a) {
        const i32 ahead = patch.step(offsets.z(a), offsets.y(a), offsets.x(a));
        step[steps++] = ahead;
        step[steps++] = -ahead;
    }
    for (i32 z = 0; z < box.nz(); ++z) {
        for (i32 y = 0; y < box.ny(); ++y) {
            for (i32 x = 0; x < box.nx(); ++x) {
                const i32 first = patch.at(z, y, x);
                if (!patch.value[first]) continue;
                const u64 place = g.at(box.z0 + z, box.y0 + y, box.x0 + x) - 1;
                s.zones[zones++] = place << 32 | static_cast<u32>(flood(patch, first, step, steps, s.stack));
            }
        }
    }
    return zones;
}

// The features of one window. An empty one gives what PyRadiomics gives: its sums over one.
RS_FN void window_features(const Lattice& g, const Levels& levels, const CountLog& log, const Box& box,
                           const Offsets& offsets, const Scratch& s, double* out) {
    const i32 zones = find(g, levels, box, offsets, s);
    sizes::Sums sums;
    sort(s.zones, zones);
    for (i32 begin = 0, end = 0; begin < zones; begin = end) {
        while (end < zones && s.zones[end] == s.zones[begin]) ++end;
        const i32 level = static_cast<i32>(s.zones[begin] >> 32);
        s.by_level[level] += static_cast<u32>(end - begin);
        sums.cell(levels.value[level], static_cast<double>(s.zones[begin] & 0xffffffffULL), end - begin,
                  log(static_cast<u32>(end - begin)));
    }
    const double level_mean = sums.level_mean(), size_mean = sums.size_mean();
    double level_spread = 0, size_spread = 0;
    for (i32 i = 0; i < levels.count; ++i) {
        const double c = s.by_level[i], away = levels.value[i] - level_mean;
        s.by_level[i] = 0;
        sums.level(c);
        level_spread += c * away * away;
    }
    for (i32 t = 0; t < zones; ++t) s.sizes[t] = static_cast<u32>(s.zones[t] & 0xffffffffULL);
    sort(s.sizes, zones);
    for (i32 begin = 0, end = 0; begin < zones; begin = end) {
        while (end < zones && s.sizes[end] == s.sizes[begin]) ++end;
        const double away = s.sizes[begin] - size_mean;
        sums.size(end - begin);
        size_spread += (end - begin) * away * away;
    }
    const Alone team;
    sums.features(level_spread, size_spread, Row<Alone>{team, out});
}

}  // namespace rs::glszm
