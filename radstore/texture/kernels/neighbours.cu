// Grey level dependence (GLDM) and tone difference (NGTDM) on the GPU. Formulas: sizes.hpp and neighbours.hpp; how
// blocks share the work: windows.cuh. The whole block is one team.
#include "neighbours.hpp"
#include "windows.cuh"

namespace rs::neighbours {

// visit(place, neighbours): a lane a voxel. `neighbours(each)` calls each(1 + place, or 0) for all its neighbours.
//
//     list   p0 p1 p2 …         lane 0: p0, p32 …; lane 1: p1, p33 …
//     patch  patch[p ± step]    of every offset: both ways
template <class Team, class Visit>
RS_FN void each_voxel(const Team& team, const Voxels& v, const i32* offsets, i32 count, const Visit& visit) {
    for (i32 t = team.lane(); t < v.n; t += team.lanes()) {
        const u16* at = v.patch + v.list[t];
        visit(*at - 1, [&](const auto& each) {
            for (i32 o = 0; o < count; ++o) {
                const i32 step = v.step(offsets + 3 * o);
                each(at[step]);
                each(at[-step]);
            }
        });
    }
}

}  // namespace rs::neighbours

namespace rs::gldm {

enum Part { PATCH, LIST, BY_LEVEL, BY_SIZE, MATRIX };

// Column j − 1 of the matrix: j = 1 + the neighbours whose level differs by at most alpha.
template <class Team>
RS_FN void count(const Team& team, const Launch& job, const Voxels& v, i32 alpha, u32* matrix) {
    const i32 columns = 2 * job.directions + 1;
    neighbours::each_voxel(team, v, job.offset, job.directions, [&](i32 place, const auto& neighbours) {
        i32 dependent = 0;
        if (alpha == 0) {
            neighbours([&](i32 other) { dependent += other == place + 1; });
        } else {
            const i32 here = job.tone[place + 1];
            const i32 low = here - alpha > 1 ? here - alpha : 1, high = here + alpha;  // 0 is no level
            neighbours([&](i32 other) {
                const i32 tone = job.tone[other];
                dependent += tone >= low && tone <= high;
            });
        }
        team.add(matrix[place * columns + dependent], 1u);
    });
}

RS_FN void describe(const Block& b, u32* matrix, double* out) {
    const i32 columns = 2 * b.job.directions + 1;
    b.all.sync();
    sizes::dense_features(b.all, b.job.all_levels(), b.job.count_log(), columns, matrix, nullptr,
                          b.job.levels * columns, b.part<u32>(BY_LEVEL), b.part<u32>(BY_SIZE), Row<Lanes>{b.all, out});
}

}  // namespace rs::gldm

namespace rs::ngtdm {

enum Part { PATCH, LIST, PRESENT, N, S, COUNTS, AWAY };

// Column c of `away`: Σ |c · level − Σ its neighbours' levels| over the voxels with c neighbours: whole numbers, so
// that the sum of differences is the same in any order. C: u32 where that fits, else u64.
template <class Team, class C>
RS_FN void count(const Team& team, const Launch& job, const Voxels& v, u32* counts, C* away) {
    const i32 columns = 2 * job.directions + 1;
    neighbours::each_voxel(team, v, job.offset, job.directions, [&](i32 place, const auto& neighbours) {
        i64 sum = 0;
        i32 there = 0;
        neighbours([&](i32 other) {
            sum += job.tone[other];
            there += other != 0;
        });
        const i64 difference = static_cast<i64>(there) * job.tone[place + 1] - sum;
        team.add(counts[place], 1u);
        if (difference) team.add(away[place * columns + there], static_cast<C>(difference < 0 ? -difference : difference));
    });
}

// n: how many voxels each level has; s: Σ |level − mean of its neighbours|. Leaves counts and sums zero.
template <class C>
RS_FN void describe(const Block& b, i32 voxels, u32* counts, C* away, double* out) {
    const i32 columns = 2 * b.job.directions + 1;
    double *const n = b.part<double>(N), *const s = b.part<double>(S);
    b.all.sync();
    for (i32 i = b.all.lane(); i < b.job.levels; i += b.all.lanes()) {
        double sum = 0;
        for (i32 c = 1; c < columns && counts[i]; ++c) {
            if (away[i * columns + c]) sum += static_cast<double>(away[i * columns + c]) / c;
            away[i * columns + c] = 0;
        }
        n[i] = counts[i];
        s[i] = sum;
        counts[i] = 0;
    }
    b.all.sync();
    features(b.all, b.job.all_levels(), n, s, b.part<i32>(PRESENT), voxels, Row<Lanes>{b.all, out});
}

template <class C>
RS_FN void windows(const Launch& job, unsigned char* shared, u64* partial) {
    const Block b(job, shared, partial);
    for (i64 w = blockIdx.x; w < job.windows; w += gridDim.x) {
        const Voxels v = b.gather(w, b.part<u16>(PATCH), b.part<u32>(LIST));
        count(b.all, job, v, b.part<u32>(COUNTS), b.part<C>(AWAY));
        describe(b, v.n, b.part<u32>(COUNTS), b.part<C>(AWAY), job.out + w * COUNT);
    }
}

}  // namespace rs::ngtdm

using namespace rs;

RS_WINDOWS gldm_windows(const Launch job, i32 alpha) {
    RS_SHARED
    const Block b(job, shared, partial);
    for (i64 w = blockIdx.x; w < job.windows; w += gridDim.x) {
        const Voxels v = b.gather(w, b.part<u16>(gldm::PATCH), b.part<u32>(gldm::LIST));
        gldm::count(b.all, job, v, alpha, b.part<u32>(gldm::MATRIX));
        gldm::describe(b, b.part<u32>(gldm::MATRIX), job.out + w * sizes::COUNT);
    }
}

RS_WINDOWS ngtdm_windows(const Launch job) {
    RS_SHARED
    ngtdm::windows<u32>(job, shared, partial);
}

RS_WINDOWS ngtdm_windows_wide(const Launch job) {
    RS_SHARED
    ngtdm::windows<u64>(job, shared, partial);
}

// ROI mode, first: all blocks share the region's voxels and count into one matrix.
RS_KERNEL gldm_count(const Launch job, i32 alpha, const Voxels v, u32* matrix) {
    gldm::count(Grid{}, job, v, alpha, matrix);
}

RS_KERNEL ngtdm_count(const Launch job, const Voxels v, u32* counts, u64* away) {
    ngtdm::count(Grid{}, job, v, counts, away);
}

// ROI mode, last: one block.
RS_REGION gldm_region(const Launch job, u32* matrix) {
    RS_SHARED
    gldm::describe(Block(job, shared, partial), matrix, job.out);
}

RS_REGION ngtdm_region(const Launch job, i32 voxels, u32* counts, u64* away) {
    RS_SHARED
    ngtdm::describe(Block(job, shared, partial), voxels, counts, away, job.out);
}
