// First order statistics in voxel mode on the CPU: a window is made of the planes of its strip.
//
// Counts of grey levels roll. Sums are added plane by plane, in the window's own order. The values in order roll too:
// one merge takes out the plane that leaves and puts in the one that enters, both of them sorted once.
#pragma once

#include <cmath>

#include "firstorder.hpp"
#include "strips.hpp"

namespace rs::firstorder {

// Whether a job's windows can roll: NaN has no place in an order.
inline bool rolls(const Job& job, const double* image) {
    if (!job.rolling) return false;
    const Lattice& g = job.lattice;
    const i64 voxels = static_cast<i64>(g.nz) * g.ny * g.nx;
    for (i64 v = 0; v < voxels; ++v) {
        if (g.level[v] && std::isnan(image[v])) return false;
    }
    return true;
}

class Strips {
  public:
    Strips(const Job& j, const Field& field_, const double* image_, double shift_, double volume)
        : job(j), field(field_), image(image_), shift(shift_), voxel_volume(volume), wanted(j.bits()),
          roll(field_, j.levels.count), by_level(j.levels.count), planes(LONGEST_STRIP + field_.side[2]),
          rows(LONGEST_STRIP * COUNT) {
        const size_t most = static_cast<size_t>(field.side[0]) * field.side[1] * field.side[2];
        for (auto* values : {&window, &sorted, &next}) values->resize(most);
    }

    void operator()(const Strip& strip, const Output& out) {
        std::fill(rows.begin(), rows.begin() + strip.count * COUNT, nan_value());
        if (wanted & needing(LEVELS)) describe_levels(strip);
        if (wanted & ~needing(LEVELS, LEVELS)) {
            read(strip);
            for (i32 w = 0; w < strip.count; ++w) describe_values(w);
        }
        for (i32 w = 0; w < strip.count; ++w) out.write(strip.first + w, &rows[w * COUNT]);
    }

  private:
    struct PlaneValues {
        Totals totals;
        std::vector<double> values, sorted;  // of the voxels in the mask
    };
    const Job& job;
    const Field& field;
    const double* image;
    const double shift, voxel_volume;
    const u32 wanted;
    LevelRoll roll;
    std::vector<u32> by_level;
    std::vector<PlaneValues> planes;            // of the strip
    std::vector<double> rows;                   // of features, one a window
    std::vector<double> window, sorted, next;   // its values, the same in order, and those of the next one
    i32 in_order = 0;                           // how many `sorted` has

    Row<Alone> put(i32 w) { return {ALONE, &rows[w * COUNT]}; }

    void describe_levels(const Strip& strip) {
        const i32 all = field.side[0] * field.side[1] * field.side[2];
        roll(strip, [&](i32 w, const u32* count) {
            const i32 n = all - static_cast<i32>(count[0]);
            std::copy(count + 1, count + 1 + by_level.size(), by_level.begin());
            if (n) level_features(ALONE, by_level.data(), job.levels.count, job.log(), n, put(w));
        });
    }

    // The planes of a strip.
    void read(const Strip& strip) {
        const Lattice& g = job.lattice;
        const u16* level = field.level.data() + field.corner(strip);
        for (i32 p = 0; p < strip.count + field.side[2] - 1; ++p) {
            PlaneValues& plane = planes[p];
            plane.totals = Totals();
            plane.values.clear();
            for (i32 z = 0; z < field.side[0]; ++z) {
                // of the image only voxels in the mask are read: the border has none
                const i64 row = (static_cast<i64>(strip.z - field.radius[0] + z) * g.ny + strip.y - field.radius[1]) * g.nx +
                                strip.x - field.radius[2] + p;
                for (i32 y = 0; y < field.side[1]; ++y) {
                    if (!level[field.step(z, y, p)]) continue;
                    const double value = image[row + static_cast<i64>(y) * g.nx] + 0.0;  // −0 is 0: their order is none
                    plane.totals.add(value, shift);
                    plane.values.push_back(value);
                }
            }
            if (!(wanted & needing(ORDER))) continue;
            plane.sorted = plane.values;
            sort(plane.sorted.data(), plane.totals.n);
        }
        in_order = 0;
    }

    void describe_values(i32 w) {
        Totals totals;
        i32 n = 0;
        for (i32 p = w; p < w + field.side[2]; ++p) {
            totals.add(planes[p].totals);
            for (double value : planes[p].values) window[n++] = value;
        }
        if (wanted & needing(ORDER)) keep_order(w);
        if (n == 0) return;
        total_features(totals, voxel_volume, put(w));
        if (wanted & needing(DISTANCES)) moment_features(ALONE, window.data(), n, totals.sum / n, totals.low == totals.high, put(w));
        if (wanted & needing(ORDER)) ordered_features(ALONE, sorted.data(), n, put(w));
    }

    // The window's values in order, from those of the window before.
    void keep_order(i32 w) {
        const std::vector<double> none;
        if (w == 0) {
            for (i32 p = 0; p < field.side[2]; ++p) exchange(none, planes[p].sorted);
        } else {
            exchange(planes[w - 1].sorted, planes[w + field.side[2] - 1].sorted);
        }
    }
    void exchange(const std::vector<double>& leaving, const std::vector<double>& entering) {
        const double *leave = leaving.data(), *const left = leave + leaving.size();
        const double *enter = entering.data(), *const entered = enter + entering.size();
        double* to = next.data();
        for (const double *at = sorted.data(), *const end = at + in_order; at < end; ++at) {
            if (leave < left && *leave == *at) {
                ++leave;
                continue;
            }
            while (enter < entered && *enter < *at) *to++ = *enter++;
            *to++ = *at;
        }
        while (enter < entered) *to++ = *enter++;
        in_order = static_cast<i32>(to - next.data());
        sorted.swap(next);
    }
};

}  // namespace rs::firstorder
