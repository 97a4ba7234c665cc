// Grey level co-occurrence on the GPU. Formulas: glcm.hpp; how blocks and teams share the work: windows.cuh.
#include "glcm.hpp"
#include "windows.cuh"

namespace rs::glcm {

#ifdef RS_MERGED  // directions are merged into one matrix, each with its weight
using Count = double;
#else
using Count = u32;
#endif

enum Part { PATCH, LIST, MEANS, COUNTER, SUM, DIFFERENCE, X, Y, PRESENT, D, E, MATRIX, JOINT, TOUCHED };

// Count the pairs of one direction: a lane a voxel, its neighbour one step further on.
//
//     list   p0 p1 p2 …         lane 0: p0, p32 …; lane 1: p1, p33 …
//     patch  · i · · j ·        i = patch[p], j = patch[p + step]: 0 where no voxel of the mask is
//
// A symmetric matrix is kept as its upper triangle.
template <class Team, class C>
RS_FN void count_pairs(const Team& team, const Voxels& v, i32 step, C weight, bool symmetric, i32 levels, C* joint,
                       const Touched& touched) {
    for (i32 t = team.lane(); t < v.n; t += team.lanes()) {
        const u16* at = v.patch + v.list[t];
        const u32 i = at[0], j = at[step];
        if (!j) continue;
        const bool swap = symmetric && i > j;
        const u32 cell = ((swap ? j : i) - 1) * static_cast<u32>(levels) + (swap ? i : j) - 1;
        if (team.add(joint[cell], weight) == 0) touched.add(team, cell);
    }
}

RS_FN Scratch<Count> scratch(const Block& b, i32 team) {
    return {b.part<Count>(JOINT, team),   b.job.stride[TOUCHED] ? b.part<u32>(TOUCHED, team) : nullptr,
            b.part<Count>(SUM, team),     b.part<Count>(DIFFERENCE, team),
            b.part<Count>(X, team),       b.part<Count>(Y, team),
            b.part<double>(MATRIX, team), b.part<double>(D, team),
            b.part<double>(E, team),      b.part<i32>(PRESENT, team)};
}

// One direction's counts (or, merged, all directions') to features; leaves everything zero.
template <class Put>
RS_FN void describe(const Block& b, bool symmetric, const Scratch<Count>& s, i32* touched, const Put& put) {
    const Lanes& team = b.team;
    Counts<Count> n;
    team.sync();
    if (s.touched) n.touched = *touched;
    summarise(team, b.job.all_levels(), b.job.count_log(), symmetric, s, n);
    if (n.pairs > 0) features(team, b.job.all_levels(), b.job.count_log(), symmetric, s, n, b.job.wanted, put);
    if (team.lane() == 0) *touched = 0;
    clear(team, b.job.all_levels(), s, n);
}

}  // namespace rs::glcm

using namespace rs;

// Voxel mode. Merged: lanes = the whole block.
RS_WINDOWS glcm_windows(const Launch job, i32 symmetric) {
    RS_SHARED
    using namespace rs::glcm;
    const Block b(job, shared, partial);
    const i32 mine = b.team.number();
    const Scratch<Count> s = scratch(b, mine);
    const Means<Lanes> means{b.team, b.part<AngleMean>(MEANS, mine)};
    i32* const touched = b.part<i32>(COUNTER, mine);
    for (i64 w = blockIdx.x; w < job.windows; w += gridDim.x) {
        const Voxels v = b.gather(w, b.part<u16>(PATCH), b.part<u32>(LIST));
        means.clear(COUNT);
        for (i32 a = mine; a < job.directions; a += b.team.count()) {
            const Count weight = job.weight ? static_cast<Count>(job.weight[a]) : static_cast<Count>(1);
            // a weight may underflow to zero: exp(−d²) does at 28 mm
            if (weight > 0) {
                count_pairs(b.team, v, v.step(job.offset + 3 * a), weight, symmetric != 0, job.levels, s.joint,
                            Touched{s.touched, touched});
            }
            if (!job.weight || a + 1 == job.directions) describe(b, symmetric != 0, s, touched, means);
            b.team.sync();
        }
        write_means(b, MEANS, COUNT, job.out + w * COUNT);
    }
}

// ROI mode, first: blockIdx.y is the direction, the blocks along x share the region's voxels. Where shared memory
// holds a matrix, each block counts into its own and adds it to the common one in the end.
RS_KERNEL glcm_count(const Launch job, i32 symmetric, const Voxels v, u32* joint) {
    RS_SHARED
    const i32 cells = job.levels * job.levels, a = static_cast<i32>(blockIdx.y);
    u32* const common = joint + static_cast<i64>(a) * cells;
    u32* const own = job.shared_bytes ? reinterpret_cast<u32*>(shared) : common;
    const Block b(job, shared, partial);  // zeroes shared memory
    glcm::count_pairs(Grid{}, v, v.step(job.offset + 3 * a), 1u, symmetric != 0, job.levels, own,
                      Touched{nullptr, nullptr});
    b.all.sync();
    if (own != common) flush(own, common, cells);
}

// ROI mode, where directions are merged: joint of all directions, weighted; a thread a cell.
RS_KERNEL glcm_merge(const Launch job, const u32* joint, double* merged) {
    const i64 cells = static_cast<i64>(job.levels) * job.levels;
    for (i64 cell = Grid{}.lane(); cell < cells; cell += Grid{}.lanes()) {
        for (i32 a = 0; a < job.directions; ++a) {
            if (job.weight[a] > 0) merged[cell] += job.weight[a] * joint[a * cells + cell];
        }
    }
}

// ROI mode, last: a block a direction (merged: one block); its row of `out` stays NaN without a pair.
RS_REGION glcm_region(const Launch job, i32 symmetric, glcm::Count* joint) {
    RS_SHARED
    const Block b(job, shared, partial);
    glcm::Scratch<glcm::Count> s = glcm::scratch(b, 0);
    s.joint = joint + static_cast<i64>(blockIdx.x) * job.levels * job.levels;
    const Row<Lanes> row{b.team, job.out + static_cast<i64>(blockIdx.x) * glcm::COUNT};
    glcm::describe(b, symmetric != 0, s, b.part<i32>(glcm::COUNTER), row);
}
