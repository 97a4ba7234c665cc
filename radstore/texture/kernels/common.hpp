// What every kernel shares: types, the grid, the window, grey levels, small algorithms.
//
// Plain C++17 without standard headers, so that NVRTC compiles the same source for the GPU. One window (a
// voxel's neighbourhood, or the box around a whole region) is the work of one thread, in scratch memory that its
// caller gives it.
#pragma once

#if defined(__CUDACC_RTC__) || defined(__CUDACC__)
#define RS_FN __device__ inline
#define RS_APART __device__ __noinline__  // long and often called: inlined, it takes registers and seconds to compile
#else
#include <math.h>
#define RS_FN inline
#define RS_APART inline
#endif

// A family's features are one list, `RS_<FAMILY>_FEATURES(X, OWN)`, that stands in its header:
//
//     X(name, needs)             a feature of PyRadiomics
//     OWN(name, needs, meaning)  one that PyRadiomics has not; computed when named. meaning: what users read of it
//
// needs: the sections of the family's code that compute it, in bits; 0 where all are computed together. Here the list
// makes the enum and the masks of the sections, in native.cpp the names for Python.
#define RS_NAME(name, needs) name,
#define RS_OWN_NAME(name, needs, meaning) name,
#define RS_ENUM(FEATURES) enum Feature { FEATURES(RS_NAME, RS_OWN_NAME) COUNT }

// `needing(all, only)`: the features that need all of these and only those, a bit a feature.
#define RS_IF_NEEDED(name, needs) \
    if (((needs) & all) == all && !((needs) & ~only)) bits |= 1u << name;
#define RS_IF_OWN_NEEDED(name, needs, meaning) RS_IF_NEEDED(name, needs)
#define RS_NEEDING(FEATURES)                              \
    static_assert(COUNT <= 32, "a bit a feature");        \
    constexpr u32 needing(u32 all, u32 only = ~0u) {      \
        u32 bits = 0;                                     \
        FEATURES(RS_IF_NEEDED, RS_IF_OWN_NEEDED)          \
        return bits;                                      \
    }

namespace rs {

using i32 = int;
using i64 = long long;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long long;

// An entropy as PyRadiomics has it, −Σ p·log2(p + 2⁻⁵²): where one cell holds everything, −log2(1 + 2⁻⁵²) and not 0. The
// next larger one, of two cells among 10⁹ counts, is far above what rounding leaves of a 0 here.
RS_FN double settled(double entropy) { return fabs(entropy) < 1e-12 ? -3.203426503814917e-16 : entropy; }

// Grey levels on a grid, x fastest: 0 outside the mask, else 1 + the level's place in `Levels`.
struct Lattice {
    const u16* level;
    i32 nz, ny, nx;

    RS_FN u16 at(i32 z, i32 y, i32 x) const { return level[(static_cast<i64>(z) * ny + y) * nx + x]; }
};

// The grey levels that occur, ascending (1 … highest).
struct Levels {
    const double* value;
    i32 count;
    i32 highest;
};

// A half-open box of voxels.
struct Box {
    i32 z0, z1, y0, y1, x0, x1;

    RS_FN i32 nz() const { return z1 - z0; }
    RS_FN i32 ny() const { return y1 - y0; }
    RS_FN i32 nx() const { return x1 - x0; }
};

// The window of radius r (per axis) around a voxel, cut at the lattice's border.
RS_FN Box window(const Lattice& g, i32 z, i32 y, i32 x, i32 rz, i32 ry, i32 rx) {
    const auto low = [](i32 v) { return v < 0 ? 0 : v; };
    const auto high = [](i32 v, i32 n) { return v > n ? n : v; };
    return {low(z - rz), high(z + rz + 1, g.nz), low(y - ry), high(y + ry + 1, g.ny), low(x - rx), high(x + rx + 1, g.nx)};
}

// A window's levels in scratch, with a border of zeros as wide as the longest neighbour offset: a neighbour is one
// addition away and needs no bounds check.
//
//     0 0 0 0 0        box 3 × 2, reach 1; `at(z, y, x)` counts from the box's corner
//     0 2 1 3 0
//     0 2 0 3 0        (the 0 inside: a voxel outside the mask)
//     0 0 0 0 0
struct Patch {
    i32* value;  // level values (not places), 0 outside the mask and in the border
    i32 ny, nx;  // with border
    i32 reach;

    RS_FN i32 at(i32 z, i32 y, i32 x) const { return ((z + reach) * ny + y + reach) * nx + x + reach; }
    RS_FN i32 step(i32 dz, i32 dy, i32 dx) const { return (dz * ny + dy) * nx + dx; }
};

// Copy a box into `memory`, which holds (nz + 2 reach) × (ny + 2 reach) × (nx + 2 reach) values.
RS_FN Patch cut(const Lattice& g, const Levels& levels, const Box& box, i32 reach, i32* memory) {
    const Patch patch{memory, box.ny() + 2 * reach, box.nx() + 2 * reach, reach};
    const i64 size = static_cast<i64>(box.nz() + 2 * reach) * patch.ny * patch.nx;
    for (i64 v = 0; v < size; ++v) memory[v] = 0;
    for (i32 z = 0; z < box.nz(); ++z) {
        for (i32 y = 0; y < box.ny(); ++y) {
            const u16* from = g.level + (static_cast<i64>(box.z0 + z) * g.ny + box.y0 + y) * g.nx + box.x0;
            i32* to = memory + patch.at(z, y, 0);
            for (i32 x = 0; x < box.nx(); ++x) {
                if (from[x]) to[x] = static_cast<i32>(levels.value[from[x] - 1]);
            }
        }
    }
    return patch;
}

// Neighbour offsets (z, y, x), one of each opposite pair, and their weights when angles are merged.
struct Offsets {
    const i32* zyx;
    i32 count;
    const double* weight;  // null: every angle gives its own matrix, and features are averaged

    RS_FN i32 z(i32 a) const { return zyx[3 * a]; }
    RS_FN i32 y(i32 a) const { return zyx[3 * a + 1]; }
    RS_FN i32 x(i32 a) const { return zyx[3 * a + 2]; }
};

RS_FN double nan_value() {
#if defined(__CUDACC_RTC__) || defined(__CUDACC__)
    return __longlong_as_double(0x7ff8000000000000LL);
#else
    return static_cast<double>(NAN);
#endif
}

// The variance of n values from their power sums. Taken about a whole number near the mean, where sums of whole
// numbers stay exact and nothing cancels.
RS_FN double variance(double n, double s1, double s2) {
    const double about = static_cast<double>(static_cast<i64>(s1 / n));
    const double a1 = s1 - n * about, a2 = s2 - about * (s1 + a1);
    const double v = (a2 - a1 * (a1 / n)) / n;
    return v > 0 ? v : 0;
}

// c · log2 c, 0 at 0: what entropies of counts are sums of.
RS_APART double clog2(double c) { return c > 0 ? c * log2(c) : 0.0; }

// The same from a table where counts are whole and small; built once for all windows.
struct CountLog {
    const double* table;
    u32 size;

    RS_FN double operator()(u32 c) const { return c < size ? table[c] : clog2(c); }
    RS_FN double operator()(u16 c) const { return (*this)(static_cast<u32>(c)); }
    RS_FN double operator()(double c) const { return clog2(c); }
};

// Ascending sort in place (Shell, Ciura's gaps: no recursion, no extra memory).
template <class T>
RS_FN void sort(T* a, i32 n) {
    const i32 gaps[] = {88573, 29524, 9841, 3280, 1093, 364, 121, 40, 13, 4, 1};
    for (i32 gap : gaps) {
        for (i32 i = gap; i < n; ++i) {
            const T held = a[i];
            i32 j = i;
            for (; j >= gap && a[j - gap] > held; j -= gap) a[j] = a[j - gap];
            a[j] = held;
        }
    }
}

// A feature's mean over the angles that are defined.
struct AngleMean {
    double sum = 0;
    i32 count = 0;

    RS_FN void add(double value) {
        if (value == value) {
            sum += value;
            ++count;
        }
    }
    RS_FN double mean() const { return count ? sum / count : nan_value(); }
};

}  // namespace rs
