// The GLSZM in voxel mode on the CPU: zones are labelled in one pass over a window, with a union-find over labels.
//
// Which of its 13 earlier neighbours have a voxel's level is known for the whole grid, as bits. Neighbours that are
// neighbours of each other have been joined already, so one of each such group is looked at: usually none or one.
#pragma once

#include "glszm.hpp"
#include "strips.hpp"

namespace rs::glszm {

constexpr i32 MAX_EARLIER = 13;
constexpr i32 MAX_STRIP_LEVELS = 256;
constexpr i64 MAX_STRIP_VOXELS = 1 << 14;  // of a window: above, most cells of its matrix are never used

// Whether a job's windows can be labelled: levels without gaps, not too many, direct neighbours only.
inline bool labels(const Job& job) {
    return job.rolling && job.levels.count == job.levels.highest && job.levels.count <= MAX_STRIP_LEVELS &&
           job.offsets.count <= MAX_EARLIER && job.reach() <= REACH && job.whole_window() <= MAX_STRIP_VOXELS;
}

// What all threads read.
struct Shared {
    const Job& job;
    Field planes, field;
    std::vector<u16> same;        // a voxel: bit a is set if the neighbour at −offset a has its level
    std::vector<u16> groups;      // bits → one neighbour of each group, numbered from 1, in four bits each
    std::vector<u16> inside;      // a voxel of a window: the neighbours that are in the window too
    i32 back[MAX_EARLIER];        // how far −offset a is in the window
    u32 adjacent[MAX_EARLIER] = {};  // the neighbours that are neighbours of one

    explicit Shared(const Job& j) : job(j), planes(j), field(j, Order::ROWS, REACH), same(field.level.size()) {
        const Offsets& o = job.offsets;
        for (i32 a = 0; a < o.count; ++a) {
            back[a] = (o.z(a) * field.side[1] + o.y(a)) * field.side[2] + o.x(a);
            compare(a, field.step(o.z(a), o.y(a), o.x(a)));
        }
        for (i64 v = 0; v < field.size(); ++v) {
            if (!field.level[v]) same[v] = 0;
        }
        for (i32 a = 0; a < o.count; ++a) {
            for (i32 b = 0; b < o.count; ++b) adjacent[a] |= static_cast<u32>(are_adjacent(a, b)) << b;
        }
        groups.resize(static_cast<size_t>(1) << o.count);
        for (u32 bits = 0; bits < groups.size(); ++bits) groups[bits] = one_of_each(bits);
        const auto in = [](i32 at, i32 d, i32 side) { return at - d >= 0 && at - d < side; };
        for (i32 z = 0; z < field.side[0]; ++z) {
            for (i32 y = 0; y < field.side[1]; ++y) {
                for (i32 x = 0; x < field.side[2]; ++x) {
                    u32 bits = 0;
                    for (i32 a = 0; a < o.count; ++a) {
                        const bool all = in(z, o.z(a), field.side[0]) && in(y, o.y(a), field.side[1]) && in(x, o.x(a), field.side[2]);
                        bits |= static_cast<u32>(all) << a;
                    }
                    inside.push_back(static_cast<u16>(bits));
                }
            }
        }
    }

  private:
    void compare(i32 a, i64 step) {
        const u16* __restrict level = field.level.data();
        u16* __restrict to = same.data();
        for (i64 v = step; v < field.size(); ++v) to[v] = static_cast<u16>(to[v] | (level[v] == level[v - step]) << a);
    }
    bool are_adjacent(i32 a, i32 b) const {
        const Offsets& o = job.offsets;
        return std::abs(o.z(a) - o.z(b)) <= 1 && std::abs(o.y(a) - o.y(b)) <= 1 && std::abs(o.x(a) - o.x(b)) <= 1;
    }
    u16 one_of_each(u32 bits) const {
        u32 found = 0;
        for (i32 shift = 0; bits; shift += 4) {
            i32 first = 0;
            while (!(bits >> first & 1)) ++first;
            found |= static_cast<u32>(first + 1) << shift;
            u32 group = 1u << first;
            for (u32 before = 0; group != before;) {  // grows until it is whole
                before = group;
                for (i32 a = 0; a < job.offsets.count; ++a) group |= before >> a & 1 ? adjacent[a] & bits : 0;
            }
            bits &= ~group;
        }
        return static_cast<u16>(found);  // at most four neighbours are not adjacent to each other
    }
};

class Strips {
  public:
    explicit Strips(const Shared& s)
        : shared(s), wanted(s.job.bits()), most(static_cast<i32>(s.inside.size())), label(most), parent(most), size(most),
          level(most), matrix(static_cast<size_t>(most + 1) * (s.job.levels.count + 1)), by_level(s.job.levels.count + 1),
          by_size(most + 1) {}

    void operator()(const Strip& strip, const Output& out) {
        double row[sizes::COUNT];
        i64 corner = shared.field.corner(strip);
        for (i32 w = 0; w < strip.count; ++w, ++corner) {
            count(find(corner));
            features(Row<Alone>{ALONE, row});
            out.write(strip.first + w, row);
        }
    }

  private:
    const Shared& shared;
    const u32 wanted;
    const i32 most;                       // voxels in a window
    std::vector<u16> label;               // a voxel of the window
    std::vector<u16> parent, size, level; // a label
    std::vector<u16> matrix;              // level, size → zones; zero between windows
    std::vector<u32> by_level, by_size;   // zero between windows
    struct Cell {
        i32 level, size;
    };
    std::vector<Cell> touched;

    u16 root(u16 l) {
        while (parent[l] != l) l = parent[l] = parent[parent[l]];
        return l;
    }
    // Label a window; returns how many labels there are. A zone is a label that is its own parent.
    i32 find(i64 corner) {
        const Field& f = shared.field;
        i32 labels = 0, at = 0;
        for (i32 z = 0; z < f.side[0]; ++z) {
            for (i32 y = 0; y < f.side[1]; ++y) {
                const i64 row = corner + z * f.step_z + y * f.step_y;
                for (i32 x = 0; x < f.side[2]; ++x, ++at) {
                    const u16 here = f.level[row + x];
                    if (!here) continue;
                    u32 groups = shared.groups[shared.same[row + x] & shared.inside[at]];
                    if (!groups) {
                        parent[labels] = static_cast<u16>(labels);
                        level[labels] = here;
                        size[labels] = 1;
                        label[at] = static_cast<u16>(labels++);
                        continue;
                    }
                    u16 zone = root(label[at - shared.back[(groups & 15) - 1]]);
                    for (groups >>= 4; groups; groups >>= 4) {
                        u16 other = root(label[at - shared.back[(groups & 15) - 1]]);
                        if (other == zone) continue;
                        if (other < zone) std::swap(other, zone);
                        parent[other] = zone;
                        size[zone] = static_cast<u16>(size[zone] + size[other]);
                    }
                    ++size[zone];
                    label[at] = zone;
                }
            }
        }
        return labels;
    }
    void count(i32 labels) {
        touched.clear();
        for (i32 l = 0; l < labels; ++l) {
            if (parent[l] != l) continue;
            if (matrix[static_cast<size_t>(level[l]) * (most + 1) + size[l]]++ == 0) touched.push_back({level[l], size[l]});
        }
    }
    // An empty window gives what PyRadiomics gives: its sums over one.
    template <class Put>
    void features(const Put& put) {
        sizes::Sums sums;
        const CountLog log = shared.job.log();
        for (const Cell& t : touched) {
            u16& cell = matrix[static_cast<size_t>(t.level) * (most + 1) + t.size];
            sums.cell(t.level, t.size, cell, log(cell));
            by_level[t.level] += cell;
            by_size[t.size] += cell;
            cell = 0;
        }
        for (const Cell& t : touched) {  // each level and each size once
            sums.level(by_level[t.level]);
            sums.size(by_size[t.size]);
            by_level[t.level] = by_size[t.size] = 0;
        }
        sums.features(sums.level_spread(), sums.size_spread(), put);
    }
};

}  // namespace rs::glszm
