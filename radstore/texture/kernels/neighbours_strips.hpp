// GLDM and NGTDM in voxel mode on the CPU.
//
// A voxel's neighbours count only inside the window, so what it adds depends on where in the window it stands. Along
// the rows of a strip three places are enough, since which neighbours along z and y are inside is the same for a row
// of all its windows:
//
//     row        . a b b b c .        a: without the neighbours to the left, b: with all, c: without those to the right
//     rolls to   . . a b b b c        one row of a window changes at six places, whatever its length
#pragma once

#include "neighbours.hpp"
#include "sizes_strips.hpp"

namespace rs::neighbours {

enum Place { LEFT, INNER, RIGHT, PLACES };

constexpr i32 MAX_STRIP_LEVELS = 256;
constexpr i64 MAX_STRIP_VOXELS = 1 << 15;  // of a window

// Whether windows of a job can roll: levels without gaps, not too many, direct neighbours only.
inline bool rolls(const Job& job) {
    return job.rolling && job.levels.count == job.levels.highest && job.levels.count <= MAX_STRIP_LEVELS &&
           job.reach() <= 1 && job.whole_window() <= MAX_STRIP_VOXELS;
}

// The rows of a window, and for each the neighbours that are inside it.
class Rows {
  public:
    Field field;
    i32 count;  // of rows

    explicit Rows(const Job& job) : field(job, Order::ROWS, 1), count(field.side[0] * field.side[1]) {
        for (i32 r = 0; r < count; ++r) {
            const i32 z = r / field.side[1], y = r % field.side[1];
            start.push_back(field.step(z, y, 0));
            for (i32 a = 0; a < 2 * job.offsets.count; ++a) {
                const i32 sign = a % 2 ? 1 : -1;
                const i32 dz = sign * job.offsets.z(a / 2), dy = sign * job.offsets.y(a / 2), dx = sign * job.offsets.x(a / 2);
                const bool inside = z + dz >= 0 && z + dz < field.side[0] && y + dy >= 0 && y + dy < field.side[1];
                if (inside) steps.push_back({r, dx, field.step(dz, dy, dx)});
            }
        }
    }
    // Calls add(voxels, their neighbours, dx) for each neighbour of the rows of a strip, and done(row, voxels) after
    // the last one of a row.
    template <class Add, class Done>
    void each(const Strip& strip, const Add& add, const Done& done) const {
        const u16* corner = field.level.data() + field.corner(strip);
        size_t s = 0;
        for (i32 r = 0; r < count; ++r) {
            const u16* here = corner + start[r];
            for (; s < steps.size() && steps[s].row == r; ++s) add(here, here + steps[s].step, steps[s].dx);
            done(r, here);
        }
    }
    // How many voxels the rows of a strip have.
    i32 length(const Strip& strip) const { return strip.count + field.side[2] - 1; }
    i32 longest() const { return LONGEST_STRIP + field.side[2] - 1; }

  private:
    struct Step {
        i32 row, dx;
        i64 step;
    };
    std::vector<i64> start;   // of each row, from the window's corner
    std::vector<Step> steps;
};

// What each voxel of the rows of a strip adds, depending on its place: [row][place][x].
template <class T>
class Terms {
  public:
    explicit Terms(const Rows& rows_) : rows(rows_), width(rows_.longest()), terms(static_cast<size_t>(rows_.count) * PLACES * width) {}

    T* row(i32 r, i32 place) { return &terms[(static_cast<size_t>(r) * PLACES + place) * width]; }

    // Calls add(term), remove(term) so that each window of the strip has what it should when visit(window) is called.
    template <class Add, class Remove, class Visit>
    void roll(const Strip& strip, const Add& add, const Remove& remove, const Visit& visit) {
        const i32 side = rows.field.side[2], last = side - 1;
        each_row([&](const T* left, const T* inner, const T* right) {
            for (i32 x = 0; x < side; ++x) add(x == last && last ? right[x] : x == 0 ? left[x] : inner[x]);
        });
        for (i32 w = 0;; ++w) {
            visit(w);
            if (w + 1 == strip.count) return;
            each_row([&](const T* left, const T* inner, const T* right) {
                remove(left[w]);
                if (side == 1) {  // no neighbours along x
                    add(left[w + 1]);
                    return;
                }
                remove(inner[w + 1]);
                add(left[w + 1]);
                remove(right[w + last]);
                add(inner[w + last]);
                add(right[w + side]);
            });
        }
    }

  private:
    const Rows& rows;
    const i32 width;
    std::vector<T> terms;

    template <class Visit>
    void each_row(const Visit& visit) {
        for (i32 r = 0; r < rows.count; ++r) visit(row(r, LEFT), row(r, INNER), row(r, RIGHT));
    }
};

// Sums over neighbours by where they stand along x (dx = −1, 0, 1), for all voxels of a row.
struct Parts {
    std::vector<u16> sum[3];

    explicit Parts(const Rows& rows) {
        for (auto& part : sum) part.resize(rows.longest());
    }
    void clear(i32 length) {
        for (auto& part : sum) std::fill(part.begin(), part.begin() + length, 0);
    }
    // The sum over the neighbours that are inside, for a voxel at some place.
    u16 at(i32 place, i32 x) const {
        return static_cast<u16>((place == LEFT ? 0 : sum[0][x]) + sum[1][x] + (place == RIGHT ? 0 : sum[2][x]));
    }
};

}  // namespace rs::neighbours

namespace rs::gldm {

class Strips {
  public:
    Strips(const Job& j, const neighbours::Rows& rows_, const Field& planes, i32 alpha_)
        : job(j), rows(rows_), alpha(alpha_), columns(2 * j.offsets.count + 1), range(planes, j.levels.count),
          matrix(j.bits(), columns), parts(rows), codes(rows), count(static_cast<size_t>(columns) * (j.levels.count + 1)) {}

    void operator()(const Strip& strip, const Output& out) {
        range.find(strip);
        find_dependences(strip);
        std::fill(count.begin(), count.end(), 0);
        double row[sizes::COUNT];
        const auto add = [&](u16 code) { ++count[code]; };
        const auto remove = [&](u16 code) { --count[code]; };
        codes.roll(strip, add, remove, [&](i32 w) {
            const auto cell = [&](i32 i, i32 j) { return static_cast<u32>(count[i * columns + j - 1]); };
            matrix.features(job.log(), range.low[w], range.high[w], cell, Row<Alone>{ALONE, row});
            out.write(strip.first + w, row);
        });
    }

  private:
    const Job& job;
    const neighbours::Rows& rows;
    const i32 alpha, columns;
    LevelRange range;
    sizes::Matrix matrix;
    neighbours::Parts parts;           // how many neighbours depend
    neighbours::Terms<u16> codes;      // cells of the matrix
    std::vector<u16> count;            // level, dependence − 1; level 0: outside the mask

    void find_dependences(const Strip& strip) {
        const i32 n = rows.length(strip);
        parts.clear(n);
        rows.each(strip, [&](const u16* here, const u16* other, i32 dx) { compare(here, other, n, parts.sum[dx + 1].data()); },
                  [&](i32 r, const u16* here) {
                      for (i32 place = 0; place < neighbours::PLACES; ++place) {
                          u16* __restrict to = codes.row(r, place);
                          for (i32 x = 0; x < n; ++x) to[x] = static_cast<u16>(here[x] * columns + parts.at(place, x));
                      }
                      parts.clear(n);
                  });
    }
    void compare(const u16* __restrict here, const u16* __restrict other, i32 n, u16* __restrict sum) const {
        if (alpha == 0) {
            for (i32 x = 0; x < n; ++x) sum[x] = static_cast<u16>(sum[x] + (here[x] == other[x]));
            return;
        }
        for (i32 x = 0; x < n; ++x) {
            const i32 away = here[x] < other[x] ? other[x] - here[x] : here[x] - other[x];
            sum[x] = static_cast<u16>(sum[x] + (other[x] != 0 && away <= alpha));
        }
    }
};

}  // namespace rs::gldm

namespace rs::ngtdm {

// Every number of neighbours divides this, so that sums of differences from means stay whole.
constexpr i32 MOST_NEIGHBOURS = 26;
constexpr u64 WHOLE = 26771144400ULL;  // the least common multiple of 1 … 26

class Strips {
  public:
    Strips(const Job& j, const neighbours::Rows& rows_, const Field& planes)
        : job(j), rows(rows_), roll(planes, j.levels.count), sums(rows), counts(rows), terms(rows),
          tone(j.levels.count + 1), n(j.levels.count), s(j.levels.count), present(j.levels.count),
          voxels(LONGEST_STRIP * n.size()) {
        for (u64 count = 1; count <= u64{MOST_NEIGHBOURS}; ++count) shares[count] = WHOLE / count;
    }

    void operator()(const Strip& strip, const Output& out) {
        const size_t K = n.size();
        roll(strip, [&](i32 w, const u32* count) { std::copy(count + 1, count + 1 + K, &voxels[w * K]); });
        find_differences(strip);
        std::fill(tone.begin(), tone.end(), 0);
        double row[COUNT];
        const auto add = [&](const Term& t) { tone[t.level] += t.difference; };
        const auto remove = [&](const Term& t) { tone[t.level] -= t.difference; };
        terms.roll(strip, add, remove, [&](i32 w) {
            double all = 0;
            for (size_t i = 0; i < K; ++i) {
                n[i] = voxels[w * K + i];
                s[i] = static_cast<double>(tone[i + 1]) / static_cast<double>(WHOLE);
                all += n[i];
            }
            features(ALONE, job.levels, n.data(), s.data(), present.data(), all, Row<Alone>{ALONE, row});
            out.write(strip.first + w, row);
        });
    }

  private:
    struct Term {
        u64 difference;  // |level − mean of its neighbours| · WHOLE
        u32 level;
    };
    const Job& job;
    const neighbours::Rows& rows;
    LevelRoll roll;
    neighbours::Parts sums, counts;  // of the neighbours' levels, of the neighbours
    neighbours::Terms<Term> terms;
    std::vector<u64> tone;           // level → the sum of its differences; level 0: outside the mask
    std::vector<double> n, s;
    std::vector<i32> present;
    std::vector<u32> voxels;         // of each window, by level
    u64 shares[MOST_NEIGHBOURS + 1] = {};  // WHOLE by the number of neighbours

    void find_differences(const Strip& strip) {
        const i32 length = rows.length(strip);
        sums.clear(length);
        counts.clear(length);
        rows.each(strip, [&](const u16* here, const u16* other, i32 dx) {
            (void)here;
            add_levels(other, length, sums.sum[dx + 1].data(), counts.sum[dx + 1].data());
        }, [&](i32 r, const u16* here) {
            for (i32 place = 0; place < neighbours::PLACES; ++place) {
                Term* to = terms.row(r, place);
                for (i32 x = 0; x < length; ++x) {
                    const i32 count = counts.at(place, x), away = here[x] * count - sums.at(place, x);
                    to[x] = {static_cast<u64>(away < 0 ? -away : away) * shares[count], here[x]};
                }
            }
            sums.clear(length);
            counts.clear(length);
        });
    }
    static void add_levels(const u16* __restrict other, i32 n, u16* __restrict sum, u16* __restrict count) {
        for (i32 x = 0; x < n; ++x) {
            sum[x] = static_cast<u16>(sum[x] + other[x]);
            count[x] = static_cast<u16>(count[x] + (other[x] != 0));
        }
    }
};

}  // namespace rs::ngtdm
