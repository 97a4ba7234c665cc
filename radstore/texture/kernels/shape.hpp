// A region's shape in whole numbers: cubes of its mesh, moments of its voxels, and its diameters.
//
// The mesh of marching cubes has a vertex half way between every voxel inside and its neighbour outside. So its
// coordinates are whole numbers of half voxels, and what a cube of 2 × 2 × 2 voxels adds to the mesh follows from
// which of its corners are inside: 256 kinds of cube. Counting them, with the sums of their places, is all that
// area and volume need (radstore/texture/mesh.py), exactly and in any order.
//
// Which vertices can be the ends of a diameter? The distance to a given point is strictly convex along a line, so
// only the first and last vertex of a grid line can be; and in a plane only the corners of the vertices' convex
// hull. Those, of each plane of the grid, are few.
#pragma once

#include "common.hpp"

namespace rs {
namespace shape {

using u8 = unsigned char;

constexpr i32 KINDS = 256;     // of cubes: corner (z, y, x) is bit 4z + 2y + x
constexpr i32 SUMS = 4;        // of a kind: how many there are, the sums of their z, y, x
constexpr i32 MOMENTS = 10;    // n, Σz, Σy, Σx, Σzz, Σzy, Σzx, Σyy, Σyx, Σxx over the voxels
constexpr i32 DIAMETERS = 4;   // in a plane of constant z, of constant y, of constant x, in space
constexpr i32 CHUNK = 64;      // cubes of a row that are passed over together where none is cut by the mesh
constexpr double ROUNDING = 1 + 1e-12;

// 1 inside the region, 0 outside; outermost voxels are 0.
struct Mask {
    const u8* inside;
    i32 nz, ny, nx;

    RS_FN const u8* row(i32 z, i32 y) const { return inside + (static_cast<i64>(z) * ny + y) * nx; }
    // Places in half voxels along an axis of n voxels.
    RS_FN static i32 halves(i32 n) { return 2 * n - 1; }
};

// The first and last vertex on each of a family of parallel grid lines, in half voxels. A line is named by its
// place on the other two axes, (a, b).
struct Ends {
    i32* low;   // > high where a line has no vertex
    i32* high;
    u8* on_hull;  // which of the two is a corner of the hull in which plane: LOW_A …
    i32 na, nb;

    RS_FN i64 line(i32 a, i32 b) const { return static_cast<i64>(a) * nb + b; }
    RS_FN void clear() const {
        for (i64 k = 0; k < static_cast<i64>(na) * nb; ++k) {
            low[k] = 0x7fffffff;
            high[k] = -1;
            on_hull[k] = 0;
        }
    }
    RS_FN void add(i32 a, i32 b, i32 place) const {
        const i64 k = line(a, b);
        if (place < low[k]) low[k] = place;
        if (place > high[k]) high[k] = place;
    }
};
constexpr u8 LOW_A = 1, HIGH_A = 2, LOW_B = 4, HIGH_B = 8;  // corners of the hull at constant a, at constant b

struct Counts {
    i64 cubes[KINDS][SUMS];
    i64 moments[MOMENTS];
};

// Where the mesh crosses a row from x to x + 1, the voxels up to x enter the moments (leaving the region) or are
// taken out again (entering it).
RS_FN void add_moments(i64* m, i32 z, i32 y, i32 x, bool leaving) {
    const i64 sign = leaving ? 1 : -1, end = x;
    const i64 n = sign * (end + 1), sx = sign * (end * (end + 1) / 2);
    const i64 sxx = sign * (end * (end + 1) * (2 * end + 1) / 6);
    const i64 add[MOMENTS] = {n, z * n, y * n, sx, static_cast<i64>(z) * z * n, static_cast<i64>(z) * y * n, z * sx,
                              static_cast<i64>(y) * y * n, y * sx, sxx};
    for (i32 k = 0; k < MOMENTS; ++k) m[k] += add[k];
}

// One cube that the mesh cuts: count it, and note the vertices on the three edges at its first corner.
RS_FN void add_cube(u32 kind, i32 z, i32 y, i32 x, Counts& counts, const Ends& along_x, const Ends& along_y) {
    i64* sums = counts.cubes[kind];
    sums[0] += 1;
    sums[1] += z;
    sums[2] += y;
    sums[3] += x;
    const auto vertex = [&](i32 hz, i32 hy, i32 hx) {
        along_x.add(hz, hy, hx);
        along_y.add(hz, hx, hy);
    };
    const u32 first = kind & 1u;
    if ((kind >> 1 & 1u) != first) {
        vertex(2 * z, 2 * y, 2 * x + 1);
        add_moments(counts.moments, z, y, x, first != 0);
    }
    if ((kind >> 2 & 1u) != first) vertex(2 * z, 2 * y + 1, 2 * x);
    if ((kind >> 4 & 1u) != first) vertex(2 * z + 1, 2 * y, 2 * x);
}

// All cubes of a mask. `kind` is scratch of nx values; counts and ends come cleared.
RS_FN void add_cubes(const Mask& mask, u8* kind, Counts& counts, const Ends& along_x, const Ends& along_y) {
    const i32 cubes = mask.nx - 1;
    for (i32 z = 0; z + 1 < mask.nz; ++z) {
        for (i32 y = 0; y + 1 < mask.ny; ++y) {
            const u8 *a = mask.row(z, y), *b = mask.row(z, y + 1), *c = mask.row(z + 1, y), *d = mask.row(z + 1, y + 1);
            for (i32 x = 0; x < cubes; ++x) {
                kind[x] = static_cast<u8>(a[x] | a[x + 1] << 1 | b[x] << 2 | b[x + 1] << 3 | c[x] << 4 | c[x + 1] << 5 |
                                          d[x] << 6 | d[x + 1] << 7);
            }
            for (i32 begin = 0; begin < cubes; begin += CHUNK) {
                const i32 end = begin + CHUNK < cubes ? begin + CHUNK : cubes;
                u8 any = 0;  // 0 and 255, all outside and all inside, are the two that the mesh does not cut
                for (i32 x = begin; x < end; ++x) any |= static_cast<u8>(kind[x] + 1) & 0xfe;
                if (!any) continue;
                for (i32 x = begin; x < end; ++x) {
                    if (static_cast<u8>(kind[x] + 1) & 0xfe) add_cube(kind[x], z, y, x, counts, along_x, along_y);
                }
            }
        }
    }
}

// A vertex in half voxels, and how far it is from the middle of the region's box.
struct Vertex {
    double reach;
    i32 z, y, x;

    RS_FN bool operator>(const Vertex& other) const { return reach > other.reach; }
};

// The corners of the convex hull of a plane's vertices, in scratch: (line, end) pairs.
struct Hull {
    i32* line;
    i32* place;
    i32 count;

    // Whether the last corner stops being one when (l, p) follows; `from` is the one before; side: 1 low, −1 high.
    RS_FN bool flat(i32 from, i32 l, i32 p, i32 side) const {
        const i64 l1 = line[count - 1] - line[from], p1 = place[count - 1] - place[from];
        const i64 l2 = l - line[from], p2 = p - place[from];
        return side * (l1 * p2 - l2 * p1) <= 0;
    }
    // Monotone chain (Andrew 1979) over lines in ascending order.
    RS_FN void extend(i32 start, i32 l, i32 p, i32 side) {
        while (count - start >= 2 && flat(count - 2, l, p, side)) --count;
        line[count] = l;
        place[count] = p;
        ++count;
    }
};

// One plane of the grid: `lines` lines, `stride` apart in `ends`. Marks the hull's corners and returns the greatest
// squared distance between two of them, or `best` where that is more. `u`, `v`: half a voxel across and along the
// lines, squared, in mm².
RS_FN double plane_diameter(const Ends& ends, i64 first, i64 stride, i32 lines, u8 low_mark, u8 high_mark, double u,
                            double v, Hull hull, double best) {
    hull.count = 0;
    for (i32 l = 0; l < lines; ++l) {
        const i64 k = first + l * stride;
        if (ends.low[k] <= ends.high[k]) hull.extend(0, l, ends.low[k], 1);
    }
    const i32 lower = hull.count;
    for (i32 l = 0; l < lines; ++l) {
        const i64 k = first + l * stride;
        if (ends.low[k] <= ends.high[k]) hull.extend(lower, l, ends.high[k], -1);
    }
    for (i32 i = 0; i < hull.count; ++i) {
        ends.on_hull[first + hull.line[i] * stride] |= i < lower ? low_mark : high_mark;
        for (i32 j = 0; j < i; ++j) {
            const double across = hull.line[i] - hull.line[j], along = hull.place[i] - hull.place[j];
            const double squared = across * across * u + along * along * v;
            if (squared > best) best = squared;
        }
    }
    return best;
}

// The greatest squared distance between two of n vertices; `h`: half a voxel along z, y, x, squared, in mm².
// They are sorted by their distance from one point, since no two are farther apart than these two sum up to.
RS_FN double space_diameter(Vertex* vertices, i32 n, const double* h) {
    sort(vertices, n);
    double best = 0, length = 0;
    for (i32 i = n - 1; i > 0 && 2 * vertices[i].reach * ROUNDING > length; --i) {
        const Vertex& a = vertices[i];
        for (i32 j = i - 1; j >= 0 && (a.reach + vertices[j].reach) * ROUNDING > length; --j) {
            const Vertex& b = vertices[j];
            const double dz = a.z - b.z, dy = a.y - b.y, dx = a.x - b.x;
            const double squared = dz * dz * h[0] + dy * dy * h[1] + dx * dx * h[2];
            if (squared > best) {
                best = squared;
                length = sqrt(best);
            }
        }
    }
    return best;
}

// Whether the vertex is a corner of the hull in its plane of constant x.
RS_FN bool corner_across_x(const Ends& along_y, i32 z, i32 y, i32 x) {
    const i64 k = along_y.line(z, x);
    return (along_y.low[k] == y && along_y.on_hull[k] & LOW_B) || (along_y.high[k] == y && along_y.on_hull[k] & HIGH_B);
}

// Vertices that are corners of the hull in all three planes through them; with `out` null, how many.
RS_FN i32 candidates(const Ends& along_x, const Ends& along_y, const double* h, Vertex* out) {
    i32 n = 0;
    const auto take = [&](i32 z, i32 y, i32 x) {
        if (!corner_across_x(along_y, z, y, x)) return;
        if (out) {
            const double dz = z - (along_x.na - 1) / 2, dy = y - (along_x.nb - 1) / 2, dx = x - (along_y.nb - 1) / 2;
            out[n] = {sqrt(dz * dz * h[0] + dy * dy * h[1] + dx * dx * h[2]), z, y, x};
        }
        ++n;
    };
    for (i32 z = 0; z < along_x.na; ++z) {
        for (i32 y = 0; y < along_x.nb; ++y) {
            const i64 k = along_x.line(z, y);
            const u8 marks = along_x.on_hull[k];
            const bool low = (marks & LOW_A) && (marks & LOW_B), high = (marks & HIGH_A) && (marks & HIGH_B);
            if (along_x.low[k] == along_x.high[k]) {  // one vertex: either mark is its own
                if ((marks & (LOW_A | HIGH_A)) && (marks & (LOW_B | HIGH_B))) take(z, y, along_x.low[k]);
                continue;
            }
            if (low) take(z, y, along_x.low[k]);
            if (high) take(z, y, along_x.high[k]);
        }
    }
    return n;
}

// Squared diameters in the planes; marks the hulls' corners for `candidates`.
RS_FN void plane_diameters(const Ends& along_x, const Ends& along_y, const double* h, const Hull& hull, double* best) {
    const i32 nz = along_x.na, ny = along_x.nb, nx = along_y.nb;
    best[0] = best[1] = best[2] = 0;
    for (i32 z = 0; z < nz; ++z) {
        best[0] = plane_diameter(along_x, along_x.line(z, 0), 1, ny, LOW_A, HIGH_A, h[1], h[2], hull, best[0]);
    }
    for (i32 y = 0; y < ny; ++y) {
        best[1] = plane_diameter(along_x, y, ny, nz, LOW_B, HIGH_B, h[0], h[2], hull, best[1]);
    }
    for (i32 x = 0; x < nx; ++x) {
        best[2] = plane_diameter(along_y, x, nx, nz, LOW_B, HIGH_B, h[0], h[1], hull, best[2]);
    }
}

}  // namespace shape
}  // namespace rs
