// The sixteen features of `sizes.hpp` from a matrix that is read level by level, in voxel mode on the CPU.
#pragma once

#include "sizes.hpp"
#include "strips.hpp"

namespace rs::sizes {

// The features of a matrix that has whole counts `cell(level, size)` for levels first … last and sizes 1 … `sizes`.
// Only what `wanted` (a bit a feature) needs is computed; the rest is put too, and means nothing.
class Matrix {
  public:
    Matrix(u32 wanted_, i32 sizes_) : wanted(wanted_), sizes(sizes_), by_size(sizes_ + 1), per_jj(sizes_ + 1) {
        for (i32 j = 1; j <= sizes; ++j) per_jj[j] = 1 / (static_cast<double>(j) * j);
    }

    template <class Cell, class Put>
    void features(const CountLog& log, i32 first, i32 last, const Cell& cell, const Put& put) {
        Sums sums;
        if (wanted == 1u << Entropy) {
            for (i32 i = first; i <= last; ++i) add_logs(log, i, cell, sums);
            put(Entropy, sums.entropy());
            return;
        }
        std::fill(by_size.begin(), by_size.end(), 0);
        for (i32 i = first; i <= last; ++i) add_level(log, i, cell, sums);
        for (i32 j = 1; j <= sizes; ++j) sums.size(by_size[j]);
        sums.features(sums.level_spread(), sums.size_spread(), put);
    }

  private:
    const u32 wanted;
    const i32 sizes;
    std::vector<u32> by_size;
    std::vector<double> per_jj;

    template <class Cell>
    void add_logs(const CountLog& log, i32 i, const Cell& cell, Sums& sums) {
        u32 count = 0;
        double level_log = 0;
        for (i32 j = 1; j <= sizes; ++j) {
            const u32 c = cell(i, j);
            count += c;
            level_log += log.table[c];
        }
        sums.count += count;
        sums.joint_log += level_log;
    }
    template <class Cell>
    void add_level(const CountLog& log, i32 i, const Cell& cell, Sums& sums) {
        u32 count = 0, voxels = 0, j2 = 0;
        double j_2 = 0, level_log = 0;
        for (i32 j = 1; j <= sizes; ++j) {
            const u32 c = cell(i, j), cj = c * j;
            by_size[j] += c;
            count += c;
            voxels += cj;
            j2 += cj * j;
            j_2 += c * per_jj[j];
            level_log += log.table[c];
        }
        if (count == 0) return;
        sums.one_level(i, {static_cast<double>(count), static_cast<double>(voxels), static_cast<double>(j2), j_2, level_log});
        sums.level(count);
    }
};

}  // namespace rs::sizes
