// Grey level size zones: connected voxels of one level (26 neighbours; 8 in a plane with force2D).
#pragma once

#include "sizes.hpp"

namespace rs::glszm {

// Scratch for one window; `zones` holds level place × 2³² + size, so that sorting groups equal cells.
struct Scratch {
    u64* zones;     // the box's voxels
    u32* sizes;     // the box's voxels
    i32* stack;     // the box's voxels
    unsigned char* seen;  // the box's voxels, zero between windows
    u32* by_level;  // levels, zero between windows
};

// Find the zones of a box by flooding; returns how many there are. offsets: one of each opposite pair.
RS_FN i32 find(const Lattice& g, const Box& box, const Offsets& offsets, const Scratch& s) {
    const i32 ny = box.y1 - box.y0, nx = box.x1 - box.x0;
    i32 zones = 0;
    for (i32 z = box.z0; z < box.z1; ++z) {
        for (i32 y = box.y0; y < box.y1; ++y) {
            for (i32 x = box.x0; x < box.x1; ++x) {
                const i32 level = g.at(z, y, x), first = box.index(z, y, x);
                if (!level || s.seen[first]) continue;
                i32 size = 0, waiting = 0;
                s.seen[first] = 1;
                s.stack[waiting++] = first;
                while (waiting) {
                    const i32 at = s.stack[--waiting];
                    ++size;
                    const i32 c = at % nx + box.x0, b = at / nx % ny + box.y0, a = at / nx / ny + box.z0;
                    for (i32 o = 0; o < 2 * offsets.count; ++o) {
                        const i32 sign = o < offsets.count ? 1 : -1, k = o < offsets.count ? o : o - offsets.count;
                        const i32 na = a + sign * offsets.z(k), nb = b + sign * offsets.y(k), nc = c + sign * offsets.x(k);
                        if (!box.holds(na, nb, nc) || g.at(na, nb, nc) != level) continue;
                        const i32 next = box.index(na, nb, nc);
                        if (s.seen[next]) continue;
                        s.seen[next] = 1;
                        s.stack[waiting++] = next;
                    }
                }
                s.zones[zones++] = static_cast<u64>(level - 1) << 32 | static_cast<u32>(size);
            }
        }
    }
    for (i32 v = 0; v < box.voxels(); ++v) s.seen[v] = 0;
    return zones;
}

// The features of one window. An empty one gives what PyRadiomics gives: its sums over one.
RS_FN void window_features(const Lattice& g, const Levels& levels, const Box& box, const Offsets& offsets,
                           const Scratch& s, double* out) {
    const i32 zones = find(g, box, offsets, s);
    sizes::Sums sums;
    sort(s.zones, zones);
    for (i32 begin = 0, end = 0; begin < zones; begin = end) {
        while (end < zones && s.zones[end] == s.zones[begin]) ++end;
        const i32 level = static_cast<i32>(s.zones[begin] >> 32);
        s.by_level[level] += static_cast<u32>(end - begin);
        sums.cell(levels.value[level], static_cast<double>(s.zones[begin] & 0xffffffffULL), end - begin);
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
    sums.features(level_spread, size_spread, out);
}

}  // namespace rs::glszm
