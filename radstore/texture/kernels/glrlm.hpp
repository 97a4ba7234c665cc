// Grey level run lengths: runs of equal levels along each direction. A voxel outside the mask ends a run.
#pragma once

#include "sizes.hpp"

namespace rs::glrlm {

template <class C>
struct Scratch {
    C* runs;       // levels × longest, zero between windows
    u32* touched;  // levels × longest
    C* by_level;   // levels, zero between windows
    C* by_size;    // longest, zero between windows
};

// Calls visit(z, y, x, length) for every line of a direction in a box: its first voxel, and how many it has.
//
// Lines start where a step back leaves the box. For the direction (0, 1, 1), seen in a plane:
//
//     s s s s
//     s . . .      where z and y do not start a line, only the first (or last) x of the row can
//     s . . .
template <class Visit>
RS_FN void each_line(const Box& box, i32 dz, i32 dy, i32 dx, const Visit& visit) {
    const auto left = [](i32 v, i32 low, i32 high, i32 d, i32 most) {  // voxels from v to the border, along one axis
        const i32 n = d == 0 ? most : d > 0 ? high - v : v - low + 1;
        return n < most ? n : most;
    };
    for (i32 z = box.z0; z < box.z1; ++z) {
        const i32 nz = left(z, box.z0, box.z1, dz, 1 << 30);
        const bool start_z = z - dz < box.z0 || z - dz >= box.z1;
        for (i32 y = box.y0; y < box.y1; ++y) {
            const i32 ny = left(y, box.y0, box.y1, dy, nz);
            if (start_z || y - dy < box.y0 || y - dy >= box.y1) {
                for (i32 x = box.x0; x < box.x1; ++x) visit(z, y, x, left(x, box.x0, box.x1, dx, ny));
            } else if (dx) {
                const i32 x = dx > 0 ? box.x0 : box.x1 - 1;
                visit(z, y, x, left(x, box.x0, box.x1, dx, ny));
            }
        }
    }
}

// Count the runs of one direction in a box. Returns whether any line holds two voxels of the mask, next to each
// other or not: PyRadiomics drops a direction of which none does.
template <class C>
RS_FN bool count(const Lattice& g, const Box& box, i32 dz, i32 dy, i32 dx, C weight, i32 longest, const Scratch<C>& s,
                 i32& touched) {
    const i64 step = (static_cast<i64>(dz) * g.ny + dy) * g.nx + dx;
    bool pair = false;
    const auto add = [&](i32 level, i32 length) {
        const u32 cell = static_cast<u32>(level - 1) * longest + (length - 1);
        if (s.runs[cell] == 0) s.touched[touched++] = cell;
        s.runs[cell] += weight;
    };
    each_line(box, dz, dy, dx, [&](i32 z, i32 y, i32 x, i32 n) {
        const u16* at = g.level + (static_cast<i64>(z) * g.ny + y) * g.nx + x;
        i32 level = 0, length = 0, inside = 0;
        for (; n > 0; --n, at += step) {
            const i32 here = *at;
            inside += here != 0;
            if (here == level) {
                ++length;
                continue;
            }
            if (level) add(level, length);
            level = here;
            length = 1;
        }
        if (level) add(level, length);
        pair |= inside > 1;
    });
    return pair;
}

// The same question alone, for directions that are merged.
RS_FN bool has_pair(const Lattice& g, const Box& box, i32 dz, i32 dy, i32 dx) {
    const i64 step = (static_cast<i64>(dz) * g.ny + dy) * g.nx + dx;
    bool pair = false;
    each_line(box, dz, dy, dx, [&](i32 z, i32 y, i32 x, i32 n) {
        const u16* at = g.level + (static_cast<i64>(z) * g.ny + y) * g.nx + x;
        i32 inside = 0;
        for (; n > 0; --n, at += step) inside += *at != 0;
        pair |= inside > 1;
    });
    return pair;
}

// The features of one window: the mean over its directions, or one matrix of all, weighted.
// longest: no run can be longer (the box's longest side, or more).
template <class C>
RS_FN void window_features(const Lattice& g, const Levels& levels, const CountLog& log, const Box& box,
                           const Offsets& offsets, i32 longest, const Scratch<C>& s, double* out) {
    const Alone team;
    AngleMean mean[sizes::COUNT];
    const Means<Alone> means{team, mean};
    i32 touched = 0;
    for (i32 a = 0; a < offsets.count; ++a) {
        const i32 dz = offsets.z(a), dy = offsets.y(a), dx = offsets.x(a);
        const C weight = offsets.weight ? static_cast<C>(offsets.weight[a]) : static_cast<C>(1);
        if (offsets.weight) {  // merged: what a dropped direction added could not be taken out again
            if (has_pair(g, box, dz, dy, dx)) count(g, box, dz, dy, dx, weight, longest, s, touched);
            if (a + 1 < offsets.count) continue;
        } else if (!count(g, box, dz, dy, dx, weight, longest, s, touched)) {
            for (i32 t = 0; t < touched; ++t) s.runs[s.touched[t]] = 0;
            touched = 0;
        }
        if (touched == 0) continue;
        sizes::dense_features(team, levels, log, longest, s.runs, s.touched, touched, s.by_level, s.by_size, means);
        touched = 0;
    }
    means.write(sizes::COUNT, out);
}

}  // namespace rs::glrlm
