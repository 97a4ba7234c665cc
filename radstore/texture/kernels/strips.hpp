// Rolling along x: the next window of a strip is this one without the plane it leaves, and with the one it enters.
//
//         x →   . 1 1 1 1 1 .        a window of side 5, and the next one: of their 6 planes they share 4
//               . . 2 2 2 2 2
//
// Only whole numbers roll (how many voxels, pairs, runs), so that a window has the same counts wherever its strip
// began; what is not whole is computed from them, in an order that does not depend on the strip either.
#pragma once

#include <cstring>
#include <memory>

#include "job.hpp"
#include "team.hpp"

namespace rs {

inline constexpr Alone ALONE{};  // what puts features keeps a reference to its team

enum class Order {
    PLANES,  // [x][z][y]: the planes that enter and leave are read in order
    ROWS,    // [z][y][x]: rows along x are
};

// Grey levels (0 outside the mask) with a border as wide as the window's radius, so that no window is cut.
class Field {
  public:
    i32 radius[3];              // z, y, x: no wider than what reaches every voxel of the grid
    i32 side[3];                // of a window
    i64 step_z, step_y, step_x;
    std::vector<u16> level;

    // spare: how much wider than the radius the border is
    explicit Field(const Job& job, Order order = Order::PLANES, i32 spare_ = 0) : spare(spare_) {
        const Lattice& g = job.lattice;
        const i32 size[3] = {g.nz, g.ny, g.nx};
        i64 n[3];
        for (int a = 0; a < 3; ++a) {
            radius[a] = std::min(job.radius[a], size[a] - 1);
            side[a] = 2 * radius[a] + 1;
            n[a] = size[a] + 2 * (radius[a] + spare);
        }
        const bool rows = order == Order::ROWS;
        step_y = rows ? n[2] : 1;
        step_z = n[1] * step_y;
        step_x = rows ? 1 : n[1] * n[0];
        level.resize(static_cast<size_t>(n[0] * n[1] * n[2]));
        for (i32 z = 0; z < g.nz; ++z) {
            for (i32 y = 0; y < g.ny; ++y) {
                const u16* from = g.level + (static_cast<i64>(z) * g.ny + y) * g.nx;
                u16* to = level.data() + step(z + radius[0] + spare, y + radius[1] + spare, radius[2] + spare);
                for (i32 x = 0; x < g.nx; ++x) to[x * step_x] = from[x];
            }
        }
    }
    i64 step(i32 dz, i32 dy, i32 dx) const { return dz * step_z + dy * step_y + dx * step_x; }
    // The corner of a strip's first window: a centre's radius and the border's cancel.
    i64 corner(const Strip& s) const { return step(s.z + spare, s.y + spare, s.x + spare); }
    i64 size() const { return static_cast<i64>(level.size()); }

  private:
    i32 spare;
};

// The part of a window's plane x = const that a loop visits, in a field of planes.
struct Plane {
    i32 rows, columns;  // along z, y
    i64 step_z;

    // visit(offset) for each of its voxels.
    template <class Visit>
    void each(const Visit& visit) const {
        for (i32 z = 0; z < rows; ++z) {
            const i64 row = z * step_z;
            for (i32 y = 0; y < columns; ++y) visit(row + y);
        }
    }
};

// How many voxels of each level the windows of a strip have, one window after the other.
class LevelRoll {
  public:
    LevelRoll(const Field& field, i32 levels) : f(field), plane{f.side[0], f.side[1], f.step_z}, count(levels + 1) {}

    // Calls visit(window, counts by level) for each window of a strip; counts[0] is outside the mask.
    template <class Visit>
    void operator()(const Strip& s, const Visit& visit) {
        std::fill(count.begin(), count.end(), 0);
        const u16* at = f.level.data() + f.corner(s);
        for (i32 x = 0; x < f.side[2]; ++x) {
            plane.each([&](i64 v) { ++count[at[x * f.step_x + v]]; });
        }
        for (i32 w = 0;; ++w, at += f.step_x) {
            visit(w, count.data());
            if (w + 1 == s.count) break;
            const u16* enter = at + f.side[2] * f.step_x;
            plane.each([&](i64 v) {
                --count[at[v]];
                ++count[enter[v]];
            });
        }
    }

  private:
    const Field& f;
    Plane plane;
    std::vector<u32> count;
};

// The lowest and the highest level in each window of a strip, and how many of its voxels are in the mask. Without
// any, low > high.
class LevelRange {
  public:
    std::vector<i32> low, high;
    std::vector<u32> voxels;

    LevelRange(const Field& field, i32 levels_)
        : low(LONGEST_STRIP), high(LONGEST_STRIP), voxels(LONGEST_STRIP), roll(field, levels_), levels(levels_),
          whole(static_cast<u32>(field.side[0] * field.side[1] * field.side[2])) {}

    void find(const Strip& strip) {
        roll(strip, [&](i32 w, const u32* count) {
            i32 first = 1, last = levels;
            while (first <= last && count[first] == 0) ++first;
            while (first <= last && count[last] == 0) --last;
            low[w] = first;
            high[w] = last;
            voxels[w] = whole - count[0];
        });
    }

  private:
    LevelRoll roll;
    i32 levels;
    u32 whole;
};

}  // namespace rs
