// First order statistics on the GPU. Formulas: firstorder.hpp; how blocks share the work: windows.cuh. The whole
// block is one team.
#include "firstorder.hpp"
#include "windows.cuh"

namespace rs::firstorder {

enum Part { BY_LEVEL, VALUES };

// Ascending sort in place: a bitonic network that always puts the smaller value first, so that the places after n,
// which are not there, hold the largest values of all and never move.
//
//     k = 4     0 ─┬───┬─   each lane compares one pair of a step: first i with its mirror image in the k places,
//               1 ─│┬──┴─   then with what is k/4, k/8 … 1 further on
//               2 ─│┴──┬─
//               3 ─┴───┴─
template <class Team>
RS_FN void sort(const Team& team, double* a, i32 n) {
    i32 top = 1;
    while (top < n) top *= 2;
    const auto order = [&](i32 low, i32 high) {
        if (high >= n || !(a[low] > a[high])) return;
        const double held = a[low];
        a[low] = a[high];
        a[high] = held;
    };
    for (i32 k = 2; k <= top; k *= 2) {
        for (i32 m = team.lane(); m < top / 2; m += team.lanes()) {
            const i32 place = m & (k / 2 - 1), begin = 2 * (m - place);
            order(begin + place, begin + k - 1 - place);
        }
        team.sync();
        for (i32 j = k / 4; j; j /= 2) {
            for (i32 m = team.lane(); m < top / 2; m += team.lanes()) {
                const i32 low = 2 * m - (m & (j - 1));
                order(low, low + j);
            }
            team.sync();
        }
    }
}

// All lanes' totals, for all lanes.
template <class Team>
RS_FN Totals gather(const Team& team, const Totals& mine) {
    const double most = 1.7976931348623157e308;
    Totals t;
    t.low = team.least(mine.n ? mine.low : most);
    t.high = team.most(mine.n ? mine.high : -most);
    t.n = team.sum(mine.n);
    t.sum = team.sum(mine.sum);
    t.energy = team.sum(mine.energy);
    return t;
}

// values: in any order; sorted: the same, or null: put in order here, where that is asked for.
RS_FN void describe(const Block& b, const Totals& t, double* values, const double* sorted, u32* by_level,
                    double voxel_volume, double* out) {
    const Row<Lanes> put{b.all, out};
    b.all.sync();
    total_features(t, voxel_volume, put);
    level_features(b.all, by_level, b.job.levels, b.job.count_log(), t.n, put);
    moment_features(b.all, values, t.n, t.sum / t.n, t.low == t.high, put);
    if (!(b.job.wanted & needing(ORDER))) return;
    if (!sorted) sort(b.all, values, t.n);
    ordered_features(b.all, sorted ? sorted : values, t.n, put);
}

}  // namespace rs::firstorder

using namespace rs;

// Rows of windows without a voxel stay NaN.
RS_WINDOWS firstorder_windows(const Launch job, const double* image, double shift, double voxel_volume) {
    RS_SHARED
    const Block b(job, shared, partial);
    double* const values = b.part<double>(firstorder::VALUES);
    u32* const by_level = b.part<u32>(firstorder::BY_LEVEL);
    for (i64 w = blockIdx.x; w < job.windows; w += gridDim.x) {
        firstorder::Totals mine;
        i32 n = 0;
        b.each_place(w, [&](i32, bool inside, i64 at, i32, i32, i32) {
            const i32 level = inside ? job.level[at] : 0;
            i32 here;
            const i32 before = b.all.rank(level != 0, here);
            if (level) {
                values[n + before] = image[at];
                mine.add(image[at], shift);
                b.all.add(by_level[level - 1], 1u);
            }
            n += here;
        });
        if (n) {
            firstorder::describe(b, firstorder::gather(b.all, mine), values, nullptr, by_level, voxel_volume,
                                 job.out + w * firstorder::COUNT);
        }
        b.all.sync();  // before the next window's values
    }
}

// ROI mode, one block. places: 1 + the level's place of each value; sorted: null where nothing wanted needs it.
RS_REGION firstorder_region(const Launch job, double* values, const u16* places, const double* sorted, i32 n,
                            double shift, double voxel_volume) {
    RS_SHARED
    const Block b(job, shared, partial);
    u32* const by_level = b.part<u32>(firstorder::BY_LEVEL);
    firstorder::Totals mine;
    for (i32 t = b.all.lane(); t < n; t += b.all.lanes()) {
        mine.add(values[t], shift);
        b.all.add(by_level[places[t] - 1], 1u);
    }
    firstorder::describe(b, firstorder::gather(b.all, mine), values, sorted, by_level, voxel_volume, job.out);
}
