// The GLCM in voxel mode on the CPU: pair counts roll along x, direction by direction.
//
// Where only features of power sums are wanted, only those roll. Otherwise the matrix rolls, and its histograms are
// made from the levels between the window's lowest and highest.
#pragma once

#include "glcm.hpp"
#include "strips.hpp"

namespace rs::glcm {

constexpr i32 BLOCK = 8;                    // cells that loops take at a time
constexpr i32 MAX_STRIP_LEVELS = 128;       // more: the matrix leaves the cache
constexpr i64 CELLS_PER_VOXEL = 40;         // of the matrix, to a window; more: it takes longer to read than to count
constexpr i64 MAX_STRIP_VOXELS = 1 << 15;  // of a window: counts are 16 bits wide, and a margin has each pair twice

// One direction, as the pairs of each voxel with its neighbour.
struct Direction {
    i64 step;               // to the neighbour
    i64 corner;             // from a window's corner to its first pair
    i32 planes;             // of pairs in a window; none: the neighbour is out of every window's reach
    Plane plane;
    std::vector<u16> code;  // a voxel of the field: the cell of its pair; row 0 if one of them is outside the mask

    Direction(const Field& f, i32 dz, i32 dy, i32 dx)
        : step(f.step(dz, dy, dx)), corner(f.step(dz < 0 ? -dz : 0, dy < 0 ? -dy : 0, dx < 0 ? -dx : 0)),
          planes(f.side[2] - std::abs(dx)), plane{f.side[0] - std::abs(dz), f.side[1] - std::abs(dy), f.step_z} {
        if (plane.rows <= 0 || plane.columns <= 0) planes = 0;
        if (planes > 0) code.resize(f.level.size());
    }
    // width: of the matrix. Pairs across the field's border get a code too; no window reaches them.
    void count(const Field& f, i32 width) {
        if (planes <= 0) return;
        const i64 first = step < 0 ? -step : 0, last = f.size() - (step > 0 ? step : 0);
        const u16 *one = f.level.data(), *other = one + step;
        u16* __restrict to = code.data();
        for (i64 v = first; v < last; ++v) {
            const u16 low = std::min(one[v], other[v]), high = std::max(one[v], other[v]);
            to[v] = static_cast<u16>(low * width + high);
        }
    }
};

// What all threads read.
struct Shared {
    const Job& job;
    Field field;
    i32 width;  // of the matrix: rows have room for reads in blocks beyond the last level
    std::vector<Direction> directions;
    std::vector<u64> power;  // a cell: the power sums of one pair, packed

    explicit Shared(const Job& j) : job(j), field(j), width((j.levels.count / BLOCK + 2) * BLOCK) {
        for (i32 a = 0; a < j.offsets.count; ++a) directions.emplace_back(field, j.offsets.z(a), j.offsets.y(a), j.offsets.x(a));
        share(j.threads, directions.size(), [&](size_t a, size_t) { directions[a].count(field, width); });
        power.resize(2 * static_cast<size_t>(width) * (j.levels.count + 1));
        for (u64 i = 1; i <= static_cast<u64>(j.levels.count); ++i) {
            for (u64 k = i; k <= static_cast<u64>(j.levels.count); ++k) {
                u64* sums = &power[2 * (i * width + k)];
                sums[0] = 1 | (i + k) << 32;                            // pairs, Σ (i + j)
                sums[1] = (i + k) * (i + k) | (k - i) * (k - i) << 32;  // Σ (i + j)², Σ (i − j)²
            }
        }
    }
};

// Whether windows of a job can roll: a symmetric matrix (its upper triangle is kept), levels without gaps, not too
// many, pairs that are counted and not weighed.
inline bool rolls(const Job& job, bool symmetric) {
    return symmetric && job.rolling && !job.offsets.weight && job.levels.count == job.levels.highest &&
           job.levels.count <= MAX_STRIP_LEVELS &&
           static_cast<i64>(job.levels.count) * job.levels.count <= CELLS_PER_VOXEL * job.whole_window() &&
           job.whole_window() <= MAX_STRIP_VOXELS;
}

class Strips {
  public:
    explicit Strips(const Shared& s)
        : shared(s), wanted(s.job.bits()), range(s.field, s.job.levels.count), means(LONGEST_STRIP * COUNT),
          joint(s.width * (s.job.levels.count + 1)), sum(2 * s.width + BLOCK),
          difference(s.width + BLOCK), x(s.width + BLOCK) {
        if (wanted & needing(EIGENVALUE)) {
            matrix.resize(static_cast<size_t>(s.job.levels.count) * s.job.levels.count);
            d.resize(s.job.levels.count);
            e.resize(s.job.levels.count);
            present.resize(s.job.levels.count);
        }
    }

    void operator()(const Strip& strip, const Output& out) {
        std::fill(means.begin(), means.begin() + strip.count * COUNT, AngleMean());
        const bool power_sums = !(wanted & ~needing(MOMENTS, MOMENTS));
        if (!power_sums) range.find(strip);
        for (const Direction& d : shared.directions) {
            if (d.planes <= 0) continue;
            if (power_sums) {
                roll_moments(strip, d);
            } else {
                roll_matrix(strip, d);
            }
        }
        double row[COUNT];
        for (i32 w = 0; w < strip.count; ++w) {
            put(w).write(COUNT, row);
            out.write(strip.first + w, row);
        }
    }

  private:
    const Shared& shared;
    const u32 wanted;
    LevelRange range;
    std::vector<AngleMean> means;  // of each window of the strip
    std::vector<u16> joint, sum, difference, x;
    std::vector<double> matrix, d, e;
    std::vector<i32> present;
    std::vector<u64> up_to;

    Means<Alone> put(i32 w) { return {ALONE, &means[w * COUNT]}; }

    void roll_moments(const Strip& strip, const Direction& d) {
        // The power sums of all pairs up to a plane; those of a window are a difference.
        const u16* at = d.code.data() + shared.field.corner(strip) + d.corner;
        const u64* power = shared.power.data();
        u64 sums[2] = {0, 0};
        up_to.assign(sums, sums + 2);
        for (i32 p = 0; p + 1 < strip.count + d.planes; ++p, at += shared.field.step_x) {
            d.plane.each([&](i64 v) {
                sums[0] += power[2 * at[v]];
                sums[1] += power[2 * at[v] + 1];
            });
            up_to.insert(up_to.end(), sums, sums + 2);
        }
        for (i32 w = 0; w < strip.count; ++w) {
            const u64 *from = &up_to[2 * w], *to = from + 2 * d.planes;
            const u64 one = to[0] - from[0], two = to[1] - from[1];
            Moments m;
            m.pairs = static_cast<double>(static_cast<u32>(one));
            m.s1 = static_cast<double>(one >> 32);
            m.s2 = static_cast<double>(static_cast<u32>(two));
            m.k2 = static_cast<double>(two >> 32);
            if (m.pairs == 0) continue;
            find_variances(true, m);
            moment_features(true, m, put(w));
        }
    }

    void roll_matrix(const Strip& strip, const Direction& d) {
        const i64 step = shared.field.step_x;
        const u16* at = d.code.data() + shared.field.corner(strip) + d.corner;
        std::fill(joint.begin(), joint.end(), 0);
        for (i32 p = 0; p < d.planes; ++p) {
            d.plane.each([&](i64 v) { ++joint[at[p * step + v]]; });
        }
        for (i32 w = 0;; ++w, at += step) {
            finish(w);
            if (w + 1 == strip.count) break;
            const u16* enter = at + d.planes * step;
            d.plane.each([&](i64 v) {
                --joint[at[v]];
                ++joint[enter[v]];
            });
        }
    }

    // The features of one direction of one window.
    void finish(i32 w) {
        if (range.low[w] > range.high[w]) return;
        const Scratch<u16> s{joint.data() + shared.width + 1, nullptr, sum.data(), difference.data(), x.data() + 1,
                             nullptr, matrix.data(), d.data(), e.data(), present.data(), shared.width};
        const Counts<u16> n = summarise(range.low[w], range.high[w]);
        if (n.pairs == 0) return;
        features(ALONE, shared.job.levels, shared.job.log(), true, s, n, wanted, put(w));
    }

    Counts<u16> summarise(i32 first, i32 last) {
        const i32 width = shared.width;
        std::fill(&sum[2 * first], &sum[2 * last + 1], 0);
        std::fill(&difference[0], &difference[last - first + 1], 0);
        std::fill(&x[first], &x[last + 1], 0);
        Counts<u16> n;
        n.first = first - 1;
        n.last = last - 1;
        for (i32 i = first; i <= last; ++i) {
            const u16* row = &joint[i * width + i];
            const i32 cells = last - i + 1;
            u32 all = 0;
            for (i32 b = 0; b < cells; b += BLOCK) {
                for (i32 c = b; c < b + BLOCK; ++c) all += row[c];
            }
            for (i32 b = 0; b < cells; b += BLOCK) {
                for (i32 c = b; c < b + BLOCK; ++c) sum[2 * i + c] += row[c];
            }
            for (i32 b = 0; b < cells; b += BLOCK) {
                for (i32 c = b; c < b + BLOCK; ++c) difference[c] += row[c];
            }
            for (i32 b = 0; b < cells; b += BLOCK) {
                for (i32 c = b; c < b + BLOCK; ++c) x[i + c] += row[c];
            }
            x[i] += all;
            n.pairs += all;
        }
        if (!(wanted & needing(CELLS))) return n;
        i32 widest = last - first;
        while (widest > 0 && difference[widest] == 0) --widest;
        const double* T = shared.job.logs.data();
        double log = 0, diagonal = 0;
        u32 energy = 0, diagonal_energy = 0, most = 0;
        for (i32 i = first; i <= last; ++i) {
            const u16* row = &joint[i * width + i];
            const u32 twice = 2u * row[0];
            diagonal += T[twice];
            diagonal_energy += twice * twice;
            most = std::max(most, twice);
            const i32 cells = std::min(widest, last - i);
            for (i32 c = 1; c <= cells; ++c) {
                const u32 count = row[c];
                log += T[count];
                energy += count * count;
                most = std::max(most, count);
            }
        }
        n.joint_log = 2 * log + diagonal;
        n.energy = 2.0 * energy + diagonal_energy;
        n.largest = static_cast<u16>(most);
        return n;
    }
};

}  // namespace rs::glcm
