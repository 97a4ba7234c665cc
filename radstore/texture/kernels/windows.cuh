// What every CUDA kernel shares: its arguments, the memory of a block, the voxels of a window.
//
// One block works on one window at a time and takes the next one `gridDim.x` further on. A block has `blockDim.x /
// lanes` teams: one for the whole block, or one a warp, each then on a direction of its own.
//
//     block 0: window 0, gridDim.x, 2·gridDim.x …      team 0: directions 0, teams, 2·teams …
//     block 1: window 1, 1 + gridDim.x, …              team 1: directions 1, 1 + teams, …
//
// In ROI mode the one window is the whole grid: its voxels come from the caller, all blocks count together, and then
// a block a direction does the formulas.
#pragma once

#include "team_cuda.hpp"

#ifndef RS_KERNEL  // a test build runs the kernels on the CPU and brings its own
#define RS_KERNEL extern "C" __global__ void
// At most 256 threads a block, and registers for 24 warps a multiprocessor.
#define RS_WINDOWS extern "C" __global__ void __launch_bounds__(256, 3)
// At most 512 threads a block.
#define RS_REGION extern "C" __global__ void __launch_bounds__(512)
#define RS_SHARED                                          \
    extern __shared__ double shared_doubles[];             \
    __shared__ rs::u64 partial[rs::MAX_WARPS];             \
    unsigned char* const shared = reinterpret_cast<unsigned char*>(shared_doubles);
// What other lanes may be writing at the same moment: read and written as it stands in memory.
#define RS_PEEK(x) (*static_cast<const volatile i32*>(&(x)))
#define RS_POKE(x, v) (*static_cast<volatile i32*>(&(x)) = (v))
#endif

namespace rs {

constexpr i32 MAX_PARTS = 16;

// Arguments of all kernels. The same fields in the same order stand in radstore/texture/device.py.
struct Launch {
    const u16* level;      // grid: 0 outside, else 1 + place
    const double* value;   // levels
    const i32* tone;       // levels + 1: the level of 1 + place, and 0 for 0
    const i32* centres;    // windows × 3
    const i32* offset;     // directions × 3
    const double* weight;  // directions, or null
    const double* log;     // c · log2 c
    double* out;           // windows × features
    unsigned char* scratch;
    i64 windows;
    i64 scratch_bytes;       // a block
    i64 part[MAX_PARTS];     // where a part of a block's memory begins: in shared memory, or ~(in its scratch)
    i64 stride[MAX_PARTS];   // … and how far the next team's is
    i32 nz, ny, nx;
    i32 levels, highest;
    i32 logs;
    i32 rz, ry, rx;
    i32 directions, reach;
    i32 lanes;
    i32 shared_bytes;
    u32 wanted;

    RS_FN Levels all_levels() const { return {value, levels, highest}; }
    RS_FN CountLog count_log() const { return {log, static_cast<u32>(logs)}; }
};

// The voxels of a window or of a region: the ones in the mask, and where they and their neighbours lie.
struct Voxels {
    const u16* patch;  // 0 or 1 + place, with a border of zeros as wide as the longest offset
    const u32* list;   // where the voxels of the mask are in it
    i32 n;             // how many
    i32 nz, ny, nx;    // without border
    i32 reach;

    RS_FN i32 row() const { return nx + 2 * reach; }
    RS_FN i32 plane() const { return (ny + 2 * reach) * row(); }
    RS_FN i32 step(const i32* zyx) const { return zyx[0] * plane() + zyx[1] * row() + zyx[2]; }
};

// Division by the same number again and again: exact for t < 2²¹.
struct Divider {
    i32 by;
    float inverse;

    RS_FN explicit Divider(i32 by_) : by(by_), inverse(1.0f / static_cast<float>(by_)) {}
    RS_FN i32 operator()(i32 t) const {
        return t < 1 << 21 ? static_cast<i32>((static_cast<float>(t) + 0.5f) * inverse) : t / by;
    }
};

// The memory of one block, and its window on the grid.
struct Block {
    const Launch& job;
    unsigned char* shared;
    Lanes all, team;
    i32 sz, sy, sx;  // the most voxels a window has along each axis

    RS_FN Block(const Launch& job_, unsigned char* shared_, u64* partial)
        : job(job_), shared(shared_), all(static_cast<i32>(blockDim.x), partial), team(job_.lanes, partial),
          sz(side(job_.nz, job_.rz)), sy(side(job_.ny, job_.ry)), sx(side(job_.nx, job_.rx)) {
        for (i32 b = all.lane(); b < job.shared_bytes; b += all.lanes()) shared[b] = 0;
        all.sync();
    }
    // A part of the memory: the block's (number 0) or a team's.
    template <class T>
    RS_FN T* part(i32 k, i32 number = 0) const {
        const i64 at = job.part[k], away = number * job.stride[k];
        unsigned char* const base = at >= 0 ? shared + at : job.scratch + blockIdx.x * job.scratch_bytes + ~at;
        return reinterpret_cast<T*>(base + away);
    }
    // visit(t, inside, at): t counts the window's places, `at` is the place on the grid of those `inside` window and
    // grid. All lanes of the block come together at each visit.
    template <class Visit>
    RS_FN void each_place(i64 window, const Visit& visit) const {
        const i32* c = job.centres + 3 * window;
        const i32 z0 = first(c[0], job.rz, job.nz, sz), y0 = first(c[1], job.ry, job.ny, sy),
                  x0 = first(c[2], job.rx, job.nx, sx);
        const Divider planes(sy * sx), rows(sx);
        const i32 places = sz * sy * sx;
        for (i32 from = 0; from < places; from += all.lanes()) {
            const i32 t = from + all.lane();
            const i32 dz = planes(t), dy = rows(t - dz * sy * sx), dx = t - (dz * sy + dy) * sx;
            const i32 z = z0 + dz, y = y0 + dy, x = x0 + dx;
            const bool inside = t < places && near(z, c[0], job.rz, job.nz) && near(y, c[1], job.ry, job.ny) &&
                                near(x, c[2], job.rx, job.nx);
            visit(t, inside, (static_cast<i64>(z) * job.ny + y) * job.nx + x, dz, dy, dx);
        }
    }
    // Copy a window into shared memory. The border was zeroed at the start and stays so.
    RS_FN Voxels gather(i64 window, u16* patch, u32* list) const {
        Voxels v{patch, list, 0, sz, sy, sx, job.reach};
        each_place(window, [&](i32 t, bool inside, i64 at, i32 dz, i32 dy, i32 dx) {
            const u16 level = inside ? job.level[at] : static_cast<u16>(0);
            const i32 to = (dz + v.reach) * v.plane() + (dy + v.reach) * v.row() + dx + v.reach;
            if (t < sz * sy * sx) patch[to] = level;
            i32 here;
            const i32 before = all.rank(level != 0, here);
            if (level) list[v.n + before] = static_cast<u32>(to);
            v.n += here;
        });
        all.sync();
        return v;
    }

  private:
    RS_FN static i32 side(i32 size, i32 r) { return size < 2 * r + 1 ? size : 2 * r + 1; }
    RS_FN static i32 first(i32 centre, i32 r, i32 size, i32 side) {
        return size == side ? 0 : centre - r;
    }
    RS_FN static bool near(i32 v, i32 centre, i32 r, i32 size) {
        return v >= 0 && v < size && v - centre <= r && centre - v <= r;
    }
};

// Which cells are not zero: where the matrix is too large to look at all of it.
struct Touched {
    u32* cell;  // null: not listed
    i32* n;

    template <class Team>
    RS_FN void add(const Team& team, u32 here) const {
        if (cell) cell[team.add(*n, 1)] = here;
    }
};

// Add a block's private histogram to the common one.
template <class C>
RS_FN void flush(const C* mine, C* common, i32 cells) {
    for (i32 cell = static_cast<i32>(threadIdx.x); cell < cells; cell += static_cast<i32>(blockDim.x)) {
        if (mine[cell]) atomicAdd(&common[cell], mine[cell]);
    }
}

// The means over the directions of all teams.
RS_FN void write_means(const Block& block, i32 part, i32 features, double* out) {
    block.all.sync();
    for (i32 f = block.all.lane(); f < features; f += block.all.lanes()) {
        AngleMean mean;
        for (i32 t = 0; t < block.team.count(); ++t) {
            mean.sum += block.part<AngleMean>(part, t)[f].sum;
            mean.count += block.part<AngleMean>(part, t)[f].count;
        }
        out[f] = mean.mean();
    }
    block.all.sync();
}

}  // namespace rs
