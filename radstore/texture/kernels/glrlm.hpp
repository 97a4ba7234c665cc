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

// Calls visit(z, y, x) for the first voxel of every line of a direction in a box, until it returns true.
template <class Visit>
RS_FN bool any_line(const Box& box, i32 dz, i32 dy, i32 dx, const Visit& visit) {
    for (i32 z = box.z0; z < box.z1; ++z) {
        for (i32 y = box.y0; y < box.y1; ++y) {
            for (i32 x = box.x0; x < box.x1; ++x) {
                if (!box.holds(z - dz, y - dy, x - dx) && visit(z, y, x)) return true;
            }
        }
    }
    return false;
}

// Whether any line holds two voxels of the mask, next to each other or not. PyRadiomics drops a direction of
// which none does.
RS_FN bool has_pair(const Lattice& g, const Box& box, i32 dz, i32 dy, i32 dx) {
    return any_line(box, dz, dy, dx, [&](i32 z, i32 y, i32 x) {
        i32 inside = 0;
        for (; box.holds(z, y, x) && inside < 2; z += dz, y += dy, x += dx) inside += g.at(z, y, x) != 0;
        return inside > 1;
    });
}

// Count the runs of one direction in a box.
template <class C>
RS_FN void count(const Lattice& g, const Box& box, i32 dz, i32 dy, i32 dx, C weight, i32 longest, const Scratch<C>& s,
                 i32& touched) {
    const auto add = [&](i32 level, i32 length) {
        const u32 cell = static_cast<u32>(level - 1) * longest + (length - 1);
        if (s.runs[cell] == 0) s.touched[touched++] = cell;
        s.runs[cell] += weight;
    };
    any_line(box, dz, dy, dx, [&](i32 z, i32 y, i32 x) {
        i32 level = 0, length = 0;
        for (; box.holds(z, y, x); z += dz, y += dy, x += dx) {
            const i32 here = g.at(z, y, x);
            if (here == level) {
                ++length;
                continue;
            }
            if (level) add(level, length);
            level = here;
            length = 1;
        }
        if (level) add(level, length);
        return false;
    });
}

// The features of one window: the mean over its directions, or one matrix of all, weighted.
// longest: no run can be longer (the box's longest side, or more).
template <class C>
RS_FN void window_features(const Lattice& g, const Levels& levels, const Box& box, const Offsets& offsets, i32 longest,
                           const Scratch<C>& s, double* out) {
    AngleMean means[sizes::COUNT];
    double one[sizes::COUNT];
    i32 touched = 0;
    for (i32 a = 0; a < offsets.count; ++a) {
        const i32 dz = offsets.z(a), dy = offsets.y(a), dx = offsets.x(a);
        if (has_pair(g, box, dz, dy, dx)) {
            const C weight = offsets.weight ? static_cast<C>(offsets.weight[a]) : static_cast<C>(1);
            count(g, box, dz, dy, dx, weight, longest, s, touched);
        }
        if (touched == 0 || (offsets.weight && a + 1 < offsets.count)) continue;
        sizes::dense_features(levels, longest, s.runs, s.touched, touched, s.by_level, s.by_size, one);
        for (i32 f = 0; f < sizes::COUNT; ++f) means[f].add(one[f]);
        touched = 0;
    }
    for (i32 f = 0; f < sizes::COUNT; ++f) out[f] = means[f].mean();
}

}  // namespace rs::glrlm
