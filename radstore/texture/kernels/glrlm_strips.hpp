// The GLRLM in voxel mode on the CPU: runs roll along x, direction by direction.
//
// What is counted is how many runs of a level have at least a length; its differences are the runs of a length. With
// that, a voxel that enters at the end of a run, or leaves at its start, changes one count, whatever the run's length:
//
//     window      . 2 2 2 .      runs of level 2 with at least 1, 2, 3 voxels: 1 1 1
//     the first 2 leaves         it starts a run of 3: one run less has at least 3: 1 1 0
//
// So for every voxel the length of the run that ends there, and of the one that starts there, is computed once; a
// window only cuts it at its border. Directions without a step along x have their runs inside the planes: there a voxel
// counts as what it is the end of, when it enters and when it leaves.
#pragma once

#include "glrlm.hpp"
#include "sizes_strips.hpp"

namespace rs::glrlm {

constexpr i32 MAX_STRIP_LEVELS = 256;
constexpr i32 MAX_STRIP_SIDE = 63;  // of a window

// level << shift | length, which is also the place of that count.
struct Code {
    i32 shift, mask, longest;

    explicit Code(i32 longest_) : shift(1), longest(longest_) {
        while ((1 << shift) < longest + 2) ++shift;  // one more than the longest: there the counts end with zero
        mask = (1 << shift) - 1;
    }
    i32 counts(i32 levels) const { return (levels + 1) << shift; }
};

// Codes of the runs that end at each voxel (step > 0: the run comes from v − step) or start there (step < 0).
inline void find_runs(const Field& f, const Code& code, i64 step, std::vector<u16>& all) {
    const i64 size = f.size(), stride = step < 0 ? -step : step;
    const u16 mask = static_cast<u16>(code.mask), most = static_cast<u16>(code.longest - 1);
    const i32 shift = code.shift;
    // the code of a voxel from its level, and the level and the code of the voxel before
    const auto extended = [=](u16 level, u16 level_before, u16 before) {
        const u16 length = std::min<u16>(before & mask, most);
        const u16 run = static_cast<u16>((level << shift) + 1 + (level == level_before ? length : 0));
        return static_cast<u16>(level ? run : 0);
    };
    const u16* level = f.level.data();
    for (i64 done = 0; done < stride && done < size; ++done) {  // nothing before them
        const i64 v = step > 0 ? done : size - 1 - done;
        all[v] = extended(level[v], 0, 0);
    }
    constexpr i64 SHORT = 16;
    if (stride < SHORT) {
        for (i64 done = stride; done < size; ++done) {
            const i64 v = step > 0 ? done : size - 1 - done;
            all[v] = extended(level[v], level[v - step], all[v - step]);
        }
        return;
    }
    for (i64 done = stride; done < size; done += stride) {  // as many at a time as do not depend on each other
        const i64 n = std::min(stride, size - done), begin = step > 0 ? done : size - done - n;
        const u16 *here = level + begin, *there = here - step;
        const u16* before = all.data() + begin - step;
        u16* __restrict to = all.data() + begin;
        for (i64 v = 0; v < n; ++v) to[v] = extended(here[v], there[v], before[v]);
    }
}

// One direction, turned so that it goes forward along x.
struct Direction {
    bool along_x;                 // whether it has a step along x
    i64 step;
    std::vector<u16> end, start;  // codes of runs
    std::vector<i32> back, front; // a voxel of a plane: the most voxels a line has up to it, and from it on
    i32 lines;                    // in a window

    Direction(const Field& f, const Code& code, i32 dz, i32 dy, i32 dx) : along_x(dx != 0) {
        const i32 sign = dx < 0 ? -1 : 1;
        step = f.step(sign * dz, sign * dy, sign * dx);
        end.resize(f.level.size());
        if (along_x) start.resize(f.level.size());
        const i32 most = along_x ? f.side[2] : code.longest;
        const auto room = [&](i32 at, i32 d, i32 side) { return d == 0 ? most : d > 0 ? at + 1 : side - at; };
        for (i32 z = 0; z < f.side[0]; ++z) {
            for (i32 y = 0; y < f.side[1]; ++y) {
                back.push_back(std::min({room(z, sign * dz, f.side[0]), room(y, sign * dy, f.side[1]), most}));
                front.push_back(std::min({room(z, -sign * dz, f.side[0]), room(y, -sign * dy, f.side[1]), most}));
            }
        }
        const auto inside = [](i32 side, i32 d) { return std::max(0, side - std::abs(d)); };
        lines = f.side[0] * f.side[1] * f.side[2] - inside(f.side[0], dz) * inside(f.side[1], dy) * inside(f.side[2], dx);
    }
    void find(const Field& f, const Code& code) {
        find_runs(f, code, step, end);
        if (along_x) find_runs(f, code, -step, start);
    }
};

// What all threads read.
struct Shared {
    const Job& job;
    Field field;
    Code code;
    std::vector<Direction> directions;

    explicit Shared(const Job& j) : job(j), field(j), code(std::max({field.side[0], field.side[1], field.side[2]})) {
        for (i32 a = 0; a < j.offsets.count; ++a) {
            directions.emplace_back(field, code, j.offsets.z(a), j.offsets.y(a), j.offsets.x(a));
        }
        share(j.threads, directions.size(), [&](size_t a, size_t) { directions[a].find(field, code); });
    }
};

// Whether windows of a job can roll: levels without gaps, not too many, runs that are counted and not weighed.
inline bool rolls(const Job& job) {
    return job.rolling && !job.offsets.weight && job.levels.count == job.levels.highest &&
           job.levels.count <= MAX_STRIP_LEVELS && job.whole_side() <= MAX_STRIP_SIDE;
}

class Strips {
  public:
    explicit Strips(const Shared& s)
        : shared(s), plane{s.field.side[0], s.field.side[1], s.field.step_z}, range(s.field, s.job.levels.count),
          matrix(s.job.bits(), s.code.longest), means(LONGEST_STRIP * sizes::COUNT), count(s.code.counts(s.job.levels.count)) {}

    void operator()(const Strip& strip, const Output& out) {
        std::fill(means.begin(), means.begin() + strip.count * sizes::COUNT, AngleMean());
        range.find(strip);
        for (size_t a = 0; a < shared.directions.size(); ++a) roll(strip, static_cast<i32>(a));
        double row[sizes::COUNT];
        for (i32 w = 0; w < strip.count; ++w) {
            put(w).write(sizes::COUNT, row);
            out.write(strip.first + w, row);
        }
    }

  private:
    const Shared& shared;
    Plane plane;
    LevelRange range;
    sizes::Matrix matrix;
    std::vector<AngleMean> means;  // of each window of the strip
    std::vector<u16> count;        // level, length → how many runs of at least that length

    Means<Alone> put(i32 w) { return {ALONE, &means[w * sizes::COUNT]}; }

    // A run's code where lines have only so much room.
    u16& counted(u16 run, i32 room) {
        const i32 cut = (run | shared.code.mask) - shared.code.mask + room;
        return count[std::min<i32>(run, cut)];
    }

    void roll(const Strip& strip, i32 a) {
        const Direction& d = shared.directions[a];
        const i64 step = shared.field.step_x, corner = shared.field.corner(strip);
        const i32 side = shared.field.side[2];
        std::fill(count.begin(), count.end(), 0);
        const u16* end = d.end.data() + corner;
        for (i32 x = 0; x < side; ++x) {
            const i32* back = d.back.data();
            plane.each([&](i64 v) { ++counted(end[x * step + v], d.along_x ? std::min(*back, x + 1) : *back), ++back; });
        }
        const u16* leave = (d.along_x ? d.start.data() : d.end.data()) + corner;
        for (i32 w = 0;; ++w, leave += step) {
            finish(strip, w, a);
            if (w + 1 == strip.count) break;
            const u16* enter = end + (w + side) * step;
            const i32 *back = d.back.data(), *front = d.along_x ? d.front.data() : back;
            plane.each([&](i64 v) {
                --counted(leave[v], *front++);
                ++counted(enter[v], *back++);
            });
        }
    }

    // The features of one direction of one window.
    void finish(const Strip& strip, i32 w, i32 a) {
        const i32 shift = shared.code.shift;
        u32 runs = 0;
        for (i32 i = range.low[w]; i <= range.high[w]; ++i) runs += count[(i << shift) + 1];
        if (runs == 0 || !has_pair(strip, w, a, runs)) return;
        const auto cell = [&](i32 i, i32 j) {
            const u16* at = &count[(i << shift) + j];
            return static_cast<u32>(at[0] - at[1]);
        };
        matrix.features(shared.job.log(), range.low[w], range.high[w], cell, put(w));
    }

    // Whether any line holds two voxels of the mask, next to each other or not: PyRadiomics drops a direction of which
    // none does.
    bool has_pair(const Strip& strip, i32 w, i32 a, u32 runs) const {
        const u32 voxels = range.voxels[w];
        if (runs < voxels || voxels > static_cast<u32>(shared.directions[a].lines)) return true;
        const Offsets& o = shared.job.offsets;
        return glrlm::has_pair(shared.job.lattice, shared.job.box(strip.first + w), o.z(a), o.y(a), o.x(a));
    }
};

}  // namespace rs::glrlm
