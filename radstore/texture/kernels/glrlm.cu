// Grey level run lengths on the GPU. Features: sizes.hpp; how blocks and teams share the work: windows.cuh.
#include "sizes.hpp"
#include "windows.cuh"

namespace rs::glrlm {

#ifdef RS_MERGED  // directions are merged into one matrix, each with its weight
using Count = double;
#else
using Count = u32;
#endif

enum Part { PATCH, LIST, MEANS, COUNTER, BY_LEVEL, BY_SIZE, RUNS, TOUCHED };

// Count the runs of one direction: a lane a voxel; where a run begins, its lane walks to the end of it.
//
//     patch  0 2 2 2 1 0 1      begins at the first 2, the first 1, the second 1
//
// Returns whether this lane met a run of two voxels or more.
template <class Team, class C>
RS_FN bool count_runs(const Team& team, const Voxels& v, i32 step, C weight, i32 longest, C* runs,
                      const Touched& touched) {
    bool pair = false;
    for (i32 t = team.lane(); t < v.n; t += team.lanes()) {
        const u16* at = v.patch + v.list[t];
        const u16 level = *at;
        if (at[-step] == level) continue;
        i32 length = 1;
        while (at[step * length] == level) ++length;
        pair |= length > 1;
        const u32 cell = (level - 1u) * static_cast<u32>(longest) + static_cast<u32>(length - 1);
        if (team.add(runs[cell], weight) == 0) touched.add(team, cell);
    }
    return pair;
}

// Whether any line of a direction holds two voxels of the mask, next to each other or not: PyRadiomics drops a
// direction of which none does.
template <class Team>
RS_FN bool has_pair(const Team& team, const Voxels& v, const i32* zyx) {
    const i32 step = v.step(zyx);
    bool pair = false;
    for (i32 t = team.lane(); t < v.n && !pair; t += team.lanes()) {
        const i32 p = static_cast<i32>(v.list[t]), q = p % v.plane();
        i32 z = p / v.plane() - v.reach, y = q / v.row() - v.reach, x = q % v.row() - v.reach;
        for (const u16* at = v.patch + p + step; !pair; at += step) {
            z += zyx[0];
            y += zyx[1];
            x += zyx[2];
            if (z < 0 || z >= v.nz || y < 0 || y >= v.ny || x < 0 || x >= v.nx) break;
            pair = *at != 0;
        }
    }
    return pair;
}

// One matrix to features; leaves it zero.
template <class Put>
RS_FN void describe(const Block& b, i32 longest, Count* runs, const u32* touched, i32 n, const Put& put) {
    sizes::dense_features(b.team, b.job.all_levels(), b.job.count_log(), longest, runs, touched,
                          touched ? n : b.job.levels * longest, b.part<Count>(BY_LEVEL, b.team.number()),
                          b.part<Count>(BY_SIZE, b.team.number()), put);
}

}  // namespace rs::glrlm

using namespace rs;

// Voxel mode. Merged: lanes = the whole block.
RS_WINDOWS glrlm_windows(const Launch job, i32 longest) {
    RS_SHARED
    using namespace rs::glrlm;
    const Block b(job, shared, partial);
    const Lanes& team = b.team;
    const i32 mine = team.number(), cells = job.levels * longest;
    Count* const runs = b.part<Count>(RUNS, mine);
    i32* const n = b.part<i32>(COUNTER, mine);
    const rs::Touched touched{job.stride[TOUCHED] ? b.part<u32>(TOUCHED, mine) : nullptr, n};
    const Means<Lanes> means{team, b.part<AngleMean>(MEANS, mine)};
    for (i64 w = blockIdx.x; w < job.windows; w += gridDim.x) {
        const Voxels v = b.gather(w, b.part<u16>(PATCH), b.part<u32>(LIST));
        means.clear(sizes::COUNT);
        bool any = false;  // is there anything to describe
        for (i32 a = mine; a < job.directions; a += team.count()) {
            const i32* zyx = job.offset + 3 * a;
            const Count weight = job.weight ? static_cast<Count>(job.weight[a]) : static_cast<Count>(1);
            // 1. Merged: what a dropped direction added could not be taken out again, so ask first.
            // 2. Else count, and ask only where no run is longer than one voxel.
            bool pair = job.weight ? has_pair(team, v, zyx) : count_runs(team, v, v.step(zyx), weight, longest, runs, touched);
            pair = team.most(static_cast<i32>(pair));
            if (job.weight && pair) count_runs(team, v, v.step(zyx), weight, longest, runs, touched);
            if (!job.weight && !pair) pair = team.most(static_cast<i32>(has_pair(team, v, zyx)));
            team.sync();
            any |= pair;
            if (job.weight && a + 1 < job.directions) continue;
            if (any) {
                describe(b, longest, runs, touched.cell, *n, means);
            } else {
                for (i32 cell = team.lane(); cell < cells && v.n; cell += team.lanes()) runs[cell] = 0;
            }
            team.sync();
            if (team.lane() == 0) *n = 0;
            team.sync();
            any = false;
        }
        write_means(b, MEANS, sizes::COUNT, job.out + w * sizes::COUNT);
    }
}

// ROI mode, first: blockIdx.y is the direction, the blocks along x share the region's voxels. Where shared memory
// holds a matrix, each block counts into its own and adds it to the common one in the end. pair: a flag a direction.
RS_KERNEL glrlm_count(const Launch job, i32 longest, const Voxels v, u32* runs, i32* pair) {
    RS_SHARED
    const Block b(job, shared, partial);  // zeroes shared memory
    const i32 cells = job.levels * longest, a = static_cast<i32>(blockIdx.y);
    u32* const common = runs + static_cast<i64>(a) * cells;
    u32* const own = job.shared_bytes ? reinterpret_cast<u32*>(shared) : common;
    if (glrlm::count_runs(Grid{}, v, v.step(job.offset + 3 * a), 1u, longest, own, Touched{nullptr, nullptr})) {
        atomicMax(pair + a, 1);
    }
    b.all.sync();
    if (own != common) flush(own, common, cells);
}

// ROI mode, second: a direction in which no voxel has a neighbour of its level may hold two voxels on a line yet.
RS_KERNEL glrlm_pairs(const Launch job, const Voxels v, i32* pair) {
    const i32 a = static_cast<i32>(blockIdx.y);
    if (RS_PEEK(pair[a])) return;
    if (glrlm::has_pair(Grid{}, v, job.offset + 3 * a)) atomicMax(pair + a, 2);
}

// ROI mode, where directions are merged: runs of all directions, weighted; a thread a cell.
RS_KERNEL glrlm_merge(const Launch job, i32 longest, const u32* runs, const i32* pair, double* merged) {
    const i64 cells = static_cast<i64>(job.levels) * longest;
    for (i64 cell = Grid{}.lane(); cell < cells; cell += Grid{}.lanes()) {
        for (i32 a = 0; a < job.directions; ++a) {
            if (pair[a]) merged[cell] += job.weight[a] * runs[a * cells + cell];
        }
    }
}

// ROI mode, last: a block a direction (merged: one block); its row of `out` stays NaN where nothing is left.
RS_REGION glrlm_region(const Launch job, i32 longest, glrlm::Count* runs, const i32* pair) {
    RS_SHARED
    const Block b(job, shared, partial);
    const i32 a = static_cast<i32>(blockIdx.x);
    bool any = pair[a] != 0;
    for (i32 other = 0; job.weight && other < job.directions; ++other) any |= pair[other] != 0;
    if (!any) return;
    glrlm::describe(b, longest, runs + static_cast<i64>(a) * job.levels * longest, nullptr, 0,
                    Row<Lanes>{b.team, job.out + static_cast<i64>(a) * sizes::COUNT});
}
