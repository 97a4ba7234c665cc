// Grey level size zones on the GPU. Features: sizes.hpp; how blocks share the work: windows.cuh. The whole block is
// one team.
#include "glszm.hpp"
#include "windows.cuh"

namespace rs::glszm {

enum Part { PATCH, LIST, PARENT, BY_LEVEL, BY_SIZE, TABLE, LARGE };

// Zones are the trees of a forest over the patch: parent[p] ≤ p, and a root is its own parent. All lanes join trees
// at once; a lane that loses a race for a root goes on with what it finds there (Playne & Hawick 2018).
RS_FN i32 root(i32* parent, i32 p) {
    for (i32 up = RS_PEEK(parent[p]); up != p;) {
        const i32 next = RS_PEEK(parent[up]);
        if (next == up) return up;
        RS_POKE(parent[p], next);  // the way is half as long for the next one
        p = next;
        up = RS_PEEK(parent[p]);
    }
    return p;
}

RS_FN void join(i32* parent, i32 a, i32 b) {
    for (;;) {
        a = root(parent, a);
        b = root(parent, b);
        if (a == b) return;
        if (a < b) {
            const i32 held = a;
            a = b;
            b = held;
        }
        const i32 before = atomicMin(&parent[a], b);
        if (before == a) return;
        a = before;  // no root any more: join what it was joined to
    }
}

// The steps of finding zones, a lane a voxel; all lanes must be through with one before the next begins.
//
//     patch   2 2 1      1. begin: 0 1 2    2. merge: 0 0 2    3. measure: −4  0 −2    root: −size,
//             2 1 2         3 4 5              0 2 0 or so                 0  2  0    else: its root
template <class Team>
RS_FN void begin(const Team& team, const Voxels& v, i32* parent) {
    for (i32 t = team.lane(); t < v.n; t += team.lanes()) parent[v.list[t]] = static_cast<i32>(v.list[t]);
}

template <class Team>
RS_FN void merge(const Team& team, const Launch& job, const Voxels& v, i32* parent) {
    for (i32 t = team.lane(); t < v.n; t += team.lanes()) {
        const i32 p = static_cast<i32>(v.list[t]);
        for (i32 a = 0; a < job.directions; ++a) {
            const i32 q = p - v.step(job.offset + 3 * a);
            if (v.patch[q] == v.patch[p]) join(parent, p, q);
        }
    }
}

template <class Team>
RS_FN void flatten(const Team& team, const Voxels& v, i32* parent) {
    for (i32 t = team.lane(); t < v.n; t += team.lanes()) {
        i32 top = static_cast<i32>(v.list[t]);
        for (i32 up = RS_PEEK(parent[top]); up != top; up = RS_PEEK(parent[top])) top = up;
        RS_POKE(parent[v.list[t]], top);  // not by `root`: halving ways could undo what another lane put here
    }
}

template <class Team>
RS_FN void mark_roots(const Team& team, const Voxels& v, i32* parent) {
    for (i32 t = team.lane(); t < v.n; t += team.lanes()) {
        const i32 p = static_cast<i32>(v.list[t]);
        if (parent[p] == p) parent[p] = -1;
    }
}

template <class Team>
RS_FN void measure(const Team& team, const Voxels& v, i32* parent) {
    for (i32 t = team.lane(); t < v.n; t += team.lanes()) {
        const i32 up = RS_PEEK(parent[v.list[t]]);
        if (up >= 0) team.add(parent[up], -1);
    }
}

// The zones of a window, sorted by kind. Small ones, up to `columns` voxels, are counted in a table of level and
// size. There cannot be many large ones: they are listed, level place × 2³² + size, and compared pair by pair.
struct Zones {
    u32* table;  // levels × columns, zero between windows
    i32 columns;
    u64* large;
    i32 n;
};

RS_FN void sort_out(const Lanes& team, const Voxels& v, const i32* parent, Zones& zones) {
    for (i32 from = 0; from < v.n; from += team.lanes()) {
        const i32 t = from + team.lane();
        const i32 p = t < v.n ? static_cast<i32>(v.list[t]) : 0;
        const i32 size = t < v.n && parent[p] < 0 ? -parent[p] : 0;
        const i32 place = t < v.n ? v.patch[p] - 1 : 0;
        if (size && size <= zones.columns) team.add(zones.table[place * zones.columns + size - 1], 1u);
        i32 here;
        const i32 before = team.rank(size > zones.columns, here);
        if (size > zones.columns) zones.large[zones.n + before] = static_cast<u64>(place) << 32 | static_cast<u32>(size);
        zones.n += here;
    }
    team.sync();
}

// How many of the large zones equal this one in what `key` tells; 0 where an earlier one does.
template <class Key>
RS_FN u32 alike(const Zones& zones, i32 a, const Key& key) {
    u32 n = 0;
    for (i32 b = 0; b < zones.n; ++b) {
        if (key(zones.large[b]) != key(zones.large[a])) continue;
        if (b < a) return 0;
        ++n;
    }
    return n;
}

RS_FN i32 place_of(u64 zone) { return static_cast<i32>(zone >> 32); }
RS_FN i32 size_of(u64 zone) { return static_cast<i32>(zone & 0xffffffffu); }

// Leaves the table, by_level and by_size zero.
template <class Put>
RS_FN void zone_features(const Lanes& team, const Levels& levels, const CountLog& log, const Zones& zones,
                         u32* by_level, u32* by_size, const Put& put) {
    sizes::Sums sums;
    for (i32 cell = team.lane(); cell < levels.count * zones.columns; cell += team.lanes()) {
        const u32 c = zones.table[cell];
        if (c == 0) continue;
        zones.table[cell] = 0;
        const i32 i = cell / zones.columns, j = cell % zones.columns;
        sums.cell(levels.value[i], j + 1, c, log(c));
        team.add(by_level[i], c);
        team.add(by_size[j], c);
    }
    for (i32 a = team.lane(); a < zones.n; a += team.lanes()) {
        const u32 c = alike(zones, a, [](u64 zone) { return zone; });
        if (c == 0) continue;
        const i32 i = place_of(zones.large[a]);
        sums.cell(levels.value[i], size_of(zones.large[a]), c, log(c));
        team.add(by_level[i], c);
    }
    sums.gather(team);
    team.sync();
    const double level_mean = sums.level_mean(), size_mean = sums.size_mean();
    double level_spread = 0, size_spread = 0;
    for (i32 i = team.lane(); i < levels.count; i += team.lanes()) {
        const double c = by_level[i], away = levels.value[i] - level_mean;
        by_level[i] = 0;
        sums.level(c);
        level_spread += c * away * away;
    }
    for (i32 j = team.lane(); j < zones.columns; j += team.lanes()) {
        const double c = by_size[j], away = j + 1 - size_mean;
        by_size[j] = 0;
        sums.size(c);
        size_spread += c * away * away;
    }
    for (i32 a = team.lane(); a < zones.n; a += team.lanes()) {
        const double c = alike(zones, a, size_of), away = size_of(zones.large[a]) - size_mean;
        sums.size(c);
        size_spread += c * away * away;
    }
    sums.finish(team, level_spread, size_spread, put);
    team.sync();
}

// How long the run of equal keys is that begins at `from`; 0 where none begins.
template <class T>
RS_FN i32 run(const T* sorted, i32 n, i32 from) {
    if (from && sorted[from - 1] == sorted[from]) return 0;
    i32 low = from + 1, high = n;
    while (low < high) {
        const i32 middle = low + (high - low) / 2;
        if (sorted[middle] == sorted[from]) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low - from;
}

}  // namespace rs::glszm

using namespace rs;

RS_WINDOWS glszm_windows(const Launch job, i32 columns) {
    RS_SHARED
    const Block b(job, shared, partial);
    const Lanes& team = b.all;
    i32* const parent = b.part<i32>(glszm::PARENT);
    for (i64 w = blockIdx.x; w < job.windows; w += gridDim.x) {
        const Voxels v = b.gather(w, b.part<u16>(glszm::PATCH), b.part<u32>(glszm::LIST));
        glszm::begin(team, v, parent);
        team.sync();
        glszm::merge(team, job, v, parent);
        team.sync();
        glszm::flatten(team, v, parent);
        team.sync();
        glszm::mark_roots(team, v, parent);
        team.sync();
        glszm::measure(team, v, parent);
        team.sync();
        glszm::Zones zones{b.part<u32>(glszm::TABLE), columns, b.part<u64>(glszm::LARGE), 0};
        glszm::sort_out(team, v, parent, zones);
        glszm::zone_features(team, job.all_levels(), job.count_log(), zones, b.part<u32>(glszm::BY_LEVEL),
                             b.part<u32>(glszm::BY_SIZE), Row<Lanes>{team, job.out + w * sizes::COUNT});
    }
}

// ROI mode: a thread a voxel of the region, one kernel a step.
RS_KERNEL glszm_begin(const Voxels v, i32* parent) { glszm::begin(Grid{}, v, parent); }
RS_KERNEL glszm_merge(const Launch job, const Voxels v, i32* parent) { glszm::merge(Grid{}, job, v, parent); }
RS_KERNEL glszm_flatten(const Voxels v, i32* parent) { glszm::flatten(Grid{}, v, parent); }
RS_KERNEL glszm_mark_roots(const Voxels v, i32* parent) { glszm::mark_roots(Grid{}, v, parent); }
RS_KERNEL glszm_measure(const Voxels v, i32* parent) { glszm::measure(Grid{}, v, parent); }

// Level place × 2³² + size of every root, and its size; what is no root sorts behind all of them.
RS_KERNEL glszm_list(const Voxels v, const i32* parent, u64* zones, u32* sizes) {
    for (i32 t = Grid{}.lane(); t < v.n; t += Grid{}.lanes()) {
        const i32 p = static_cast<i32>(v.list[t]), size = -parent[p];
        zones[t] = size > 0 ? static_cast<u64>(v.patch[p] - 1) << 32 | static_cast<u32>(size) : ~0ull;
        sizes[t] = size > 0 ? static_cast<u32>(size) : ~0u;
    }
}

// One block; zones and sizes in order.
RS_REGION glszm_region(const Launch job, i32 n, const u64* zones, const u32* sizes) {
    RS_SHARED
    const Block b(job, shared, partial);
    const Lanes& team = b.all;
    u32* const by_level = b.part<u32>(glszm::BY_LEVEL);
    rs::sizes::Sums sums;
    for (i32 t = team.lane(); t < n && zones[t] != ~0ull; t += team.lanes()) {
        const i32 c = glszm::run(zones, n, t), i = glszm::place_of(zones[t]);
        if (c == 0) continue;
        sums.cell(job.value[i], glszm::size_of(zones[t]), c, job.count_log()(static_cast<u32>(c)));
        team.add(by_level[i], static_cast<u32>(c));
    }
    sums.gather(team);
    team.sync();
    double level_spread = 0, size_spread = 0;
    for (i32 i = team.lane(); i < job.levels; i += team.lanes()) {
        const double c = by_level[i], away = job.value[i] - sums.level_mean();
        sums.level(c);
        level_spread += c * away * away;
    }
    for (i32 t = team.lane(); t < n && sizes[t] != ~0u; t += team.lanes()) {
        const double c = glszm::run(sizes, n, t), away = sizes[t] - sums.size_mean();
        sums.size(c);
        size_spread += c * away * away;
    }
    sums.finish(team, level_spread, size_spread, Row<Lanes>{team, job.out});
}
