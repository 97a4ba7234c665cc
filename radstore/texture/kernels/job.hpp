// What a call of the CPU build is asked for, and how threads share it.
//
// CPU only: this header and the `*_strips.hpp` may use the standard library.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <system_error>
#include <thread>
#include <vector>

#include "common.hpp"

namespace rs {

// Windows whose centres follow each other along x: (z, y, x), (z, y, x + 1), …
struct Strip {
    i64 first;  // the first one's number
    i32 count, z, y, x;
};

// The grid, the levels, the windows, the neighbour offsets.
struct Job {
    Lattice lattice;
    Levels levels;
    const i32* centres;  // null: one window, the whole grid
    i64 windows;
    i32 radius[3];  // z, y, x
    Offsets offsets;
    i32 threads;
    bool rolling;  // whether windows may be computed from those before them in their strip
    std::vector<i32> wanted;   // features, in the order of the result's rows
    std::vector<double> logs;  // c · log2 c of the counts a window can have; empty for a single window

    Box box(i64 w) const {
        if (!centres) return {0, lattice.nz, 0, lattice.ny, 0, lattice.nx};
        const i32* c = centres + 3 * w;
        return window(lattice, c[0], c[1], c[2], radius[0], radius[1], radius[2]);
    }
    CountLog log() const { return {logs.data(), static_cast<u32>(logs.size())}; }
    // `wanted`, a bit a feature.
    u32 bits() const {
        u32 all = 0;
        for (i32 f : wanted) all |= 1u << f;
        return all;
    }
    // How far the longest offset reaches.
    i32 reach() const {
        i32 n = 0;
        for (i32 k = 0; k < 3 * offsets.count; ++k) n = std::max(n, std::abs(offsets.zyx[k]));
        return n;
    }
    // The most voxels a window has with a border around it.
    i64 most_with(i32 border) const {
        i64 n = 1;
        for (int a = 0; a < 3; ++a) n *= side(a) + 2 * border;
        return n;
    }
    // The voxels of a window that no border cuts, and its longest side: what a traversal is chosen by, so that the
    // choice does not depend on how closely the grid was cropped.
    i64 whole_window() const { return (2LL * radius[0] + 1) * (2LL * radius[1] + 1) * (2LL * radius[2] + 1); }
    i32 whole_side() const { return 2 * std::max(radius[0], std::max(radius[1], radius[2])) + 1; }
    // The most voxels a window has, and its longest side.
    i64 most() const { return most_with(0); }
    i32 longest() const { return std::max(side(0), std::max(side(1), side(2))); }

  private:
    i32 side(int axis) const {
        const i32 size[3] = {lattice.nz, lattice.ny, lattice.nx};
        return centres ? std::min(size[axis], 2 * radius[axis] + 1) : size[axis];
    }
};

// The result: a row a wanted feature, a column a window.
struct Output {
    const Job& job;
    double* data;

    // All features of one window.
    void write(i64 window, const double* features) const {
        for (size_t r = 0; r < job.wanted.size(); ++r) data[static_cast<i64>(r) * job.windows + window] = features[job.wanted[r]];
    }
};

constexpr i32 LONGEST_STRIP = 64;  // windows; a strip is the least that a thread takes

inline std::vector<Strip> strips(const Job& job) {
    if (!job.centres) return {{0, 1, 0, 0, 0}};
    std::vector<Strip> all;
    for (i64 w = 0; w < job.windows; ++w) {
        const i32 *c = job.centres + 3 * w, *before = c - 3;
        const bool follows = w && c[0] == before[0] && c[1] == before[1] && c[2] == before[2] + 1;
        if (follows && all.back().count < LONGEST_STRIP) {
            ++all.back().count;
        } else {
            all.push_back({w, 1, c[0], c[1], c[2]});
        }
    }
    return all;
}

// Call work(item, thread) for items 0 … count − 1, shared between `threads` threads that take the next one each time.
template <class Work>
void share(i32 threads, size_t count, const Work& work) {
    std::atomic<size_t> next{0};
    const auto take = [&](size_t thread) {
        for (size_t item = next++; item < count; item = next++) work(item, thread);
    };
    std::vector<std::thread> others;
    const size_t useful = std::min(static_cast<size_t>(threads), count);
    for (size_t t = 1; t < useful; ++t) {
        try {
            others.emplace_back(take, t);
        } catch (const std::system_error&) {
            break;  // the machine gives no more threads: those there are share the work
        }
    }
    take(0);
    for (auto& thread : others) thread.join();
}

// Run make_worker() → worker(strip, output) over all windows, each thread with a worker (and its scratch) of its own.
// A window's features depend on that window alone, so the result does not depend on who computes it.
template <class MakeWorker>
void run(const Job& job, double* out, const MakeWorker& make_worker) {
    const std::vector<Strip> all = strips(job);
    const Output output{job, out};
    const size_t useful = std::min(static_cast<size_t>(job.threads), all.size());
    std::vector<decltype(make_worker())> workers;  // made here, so that running out of memory is an exception
    workers.reserve(useful);
    for (size_t t = 0; t < useful; ++t) workers.push_back(make_worker());
    share(job.threads, all.size(), [&](size_t strip, size_t thread) { workers[thread](all[strip], output); });
}

}  // namespace rs
