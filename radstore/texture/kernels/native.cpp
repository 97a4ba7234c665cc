// The CPU build of the kernels: a Python extension module that runs them over windows with threads.
//
// Each function takes grey levels on a grid and a list of boxes' centres (voxel mode), or none for one box that
// is the whole grid (ROI mode), and returns one row of features a window. Threads take windows in blocks from
// a counter; a row depends on its window alone, so the result does not depend on their number.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <system_error>
#include <thread>
#include <vector>

#include "firstorder.hpp"
#include "glcm.hpp"
#include "glrlm.hpp"
#include "glszm.hpp"
#include "neighbours.hpp"

namespace nb = nanobind;
using namespace rs;

namespace {

using LevelArray = nb::ndarray<const u16, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using ImageArray = nb::ndarray<const double, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using ValueArray = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using IndexArray = nb::ndarray<const i32, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Result = nb::ndarray<nb::numpy, double, nb::ndim<2>>;

constexpr i64 BLOCK = 64;         // windows a thread takes at a time
constexpr i64 MAX_LOGS = 1 << 15;  // entries; more would fall out of the cache

// What every family needs: the grid, the levels, the windows, the neighbour offsets.
struct Job {
    Lattice lattice;
    Levels levels;
    const i32* centres;
    i64 windows;
    i32 radius[3];
    Offsets offsets;
    i32 threads;
    std::vector<double> logs;  // c · log2 c of the counts a window can have; empty for a single window

    Box box(i64 w) const {
        if (!centres) return {0, lattice.nz, 0, lattice.ny, 0, lattice.nx};
        const i32* c = centres + 3 * w;
        return window(lattice, c[0], c[1], c[2], radius[0], radius[1], radius[2]);
    }
    CountLog log() const { return {logs.data(), static_cast<u32>(logs.size())}; }
    // How far the longest offset reaches.
    i32 reach() const {
        i32 n = 0;
        for (i32 k = 0; k < 3 * offsets.count; ++k) n = std::max(n, std::abs(offsets.zyx[k]));
        return n;
    }
    // The most voxels a window has with a border around it.
    i64 most_with(i32 border) const {
        const i32 size[3] = {lattice.nz, lattice.ny, lattice.nx};
        i64 n = 1;
        for (int a = 0; a < 3; ++a) n *= side(size[a], radius[a]) + 2 * border;
        return n;
    }
    // The most voxels a window has, and its longest side.
    i64 most() const { return most_with(0); }
    i32 longest() const {
        i32 n = side(lattice.nz, radius[0]);
        n = std::max(n, side(lattice.ny, radius[1]));
        return std::max(n, side(lattice.nx, radius[2]));
    }

  private:
    i32 side(i32 size, i32 r) const { return centres ? std::min(size, 2 * r + 1) : size; }
};

Job make_job(const LevelArray& level, const ValueArray& values, i32 highest, const IndexArray& centres, nb::tuple radius,
             const IndexArray& offsets, const ValueArray& weights, i32 threads) {
    Job job;
    job.lattice = {level.data(), static_cast<i32>(level.shape(0)), static_cast<i32>(level.shape(1)),
                   static_cast<i32>(level.shape(2))};
    job.levels = {values.data(), static_cast<i32>(values.shape(0)), highest};
    job.windows = centres.shape(0) ? static_cast<i64>(centres.shape(0)) : 1;
    job.centres = centres.shape(0) ? centres.data() : nullptr;
    for (int a = 0; a < 3; ++a) job.radius[a] = nb::cast<i32>(radius[a]);
    job.offsets = {offsets.data(), static_cast<i32>(offsets.shape(0)), weights.shape(0) ? weights.data() : nullptr};
    job.threads = std::max(1, threads);
    if (job.centres) {
        job.logs.resize(static_cast<size_t>(std::min<i64>(2 * job.most() + 1, MAX_LOGS)));
        for (size_t c = 0; c < job.logs.size(); ++c) job.logs[c] = clog2(static_cast<double>(c));
    }
    return job;
}

// Run make_worker() → worker(box, row) over all windows, each thread with a worker (and its scratch) of its own.
template <class MakeWorker>
Result run(const Job& job, int features, const MakeWorker& make_worker) {
    double* out = new double[static_cast<size_t>(job.windows) * features];
    nb::capsule owner(out, [](void* p) noexcept { delete[] static_cast<double*>(p); });
    {
        nb::gil_scoped_release released;
        const i64 useful = std::min<i64>(job.threads, (job.windows + BLOCK - 1) / BLOCK);
        std::vector<decltype(make_worker())> workers;  // made here, so that running out of memory is an exception
        workers.reserve(static_cast<size_t>(useful));
        for (i64 t = 0; t < useful; ++t) workers.push_back(make_worker());
        std::atomic<i64> next{0};
        const auto work = [&](size_t t) {
            for (i64 begin = next.fetch_add(BLOCK); begin < job.windows; begin = next.fetch_add(BLOCK)) {
                const i64 end = std::min(begin + BLOCK, job.windows);
                for (i64 w = begin; w < end; ++w) workers[t](job.box(w), out + w * features);
            }
        };
        std::vector<std::thread> others;
        for (size_t t = 1; t < workers.size(); ++t) {
            try {
                others.emplace_back(work, t);
            } catch (const std::system_error&) {
                break;  // the machine gives no more threads: those there are share the windows
            }
        }
        work(0);
        for (auto& thread : others) thread.join();
    }
    return Result(out, {static_cast<size_t>(job.windows), static_cast<size_t>(features)}, owner);
}

template <class C>
struct GlcmWorker {
    const Job& job;
    bool symmetric;
    u32 wanted;
    std::vector<C> joint, sum, difference, x, y;
    std::vector<u32> touched;
    std::vector<double> matrix, d, e;
    std::vector<i32> present;

    GlcmWorker(const Job& j, bool symmetric_, u32 wanted_) : job(j), symmetric(symmetric_), wanted(wanted_) {
        const size_t k = j.levels.count, cells = k * k;
        joint.resize(cells);
        touched.resize(cells);
        sum.resize(2 * static_cast<size_t>(j.levels.highest) + 1);
        difference.resize(static_cast<size_t>(j.levels.highest) + 1);
        x.resize(k);
        y.resize(k);
        if (wanted >> glcm::MCC & 1u) matrix.resize(cells);
        d.resize(k);
        e.resize(k);
        present.resize(k);
    }
    void operator()(const Box& box, double* row) {
        const glcm::Scratch<C> s{joint.data(), touched.data(), sum.data(), difference.data(), x.data(), y.data(),
                                 matrix.data(), d.data(), e.data(), present.data()};
        glcm::window_features(job.lattice, job.levels, job.log(), box, job.offsets, symmetric, wanted, s, row);
    }
};

template <class C>
struct GlrlmWorker {
    const Job& job;
    i32 longest;
    std::vector<C> runs, by_level, by_size;
    std::vector<u32> touched;

    explicit GlrlmWorker(const Job& j) : job(j), longest(j.longest()) {
        const size_t cells = static_cast<size_t>(j.levels.count) * longest;
        runs.resize(cells);
        touched.resize(cells);
        by_level.resize(j.levels.count);
        by_size.resize(longest);
    }
    void operator()(const Box& box, double* row) {
        const glrlm::Scratch<C> s{runs.data(), touched.data(), by_level.data(), by_size.data()};
        glrlm::window_features(job.lattice, job.levels, job.log(), box, job.offsets, longest, s, row);
    }
};

struct GlszmWorker {
    const Job& job;
    std::vector<u64> zones;
    std::vector<u32> sizes, by_level;
    std::vector<i32> stack, patch;

    explicit GlszmWorker(const Job& j)
        : job(j), zones(j.most()), sizes(j.most()), by_level(j.levels.count), stack(j.most()),
          patch(j.most_with(glszm::REACH)) {}
    void operator()(const Box& box, double* row) {
        const glszm::Scratch s{patch.data(), zones.data(), sizes.data(), stack.data(), by_level.data()};
        glszm::window_features(job.lattice, job.levels, job.log(), box, job.offsets, s, row);
    }
};

struct GldmWorker {
    const Job& job;
    i32 alpha, reach;
    std::vector<i32> patch, step;
    std::vector<u32> matrix, touched, by_level, by_size;

    GldmWorker(const Job& j, i32 alpha_)
        : job(j), alpha(alpha_), reach(j.reach()), patch(j.most_with(reach)), step(j.offsets.count) {
        const size_t columns = 2 * static_cast<size_t>(j.offsets.count) + 1, cells = columns * j.levels.count;
        matrix.resize(cells);
        touched.resize(cells);
        by_level.resize(j.levels.count);
        by_size.resize(columns);
    }
    void operator()(const Box& box, double* row) {
        const gldm::Scratch s{patch.data(),   step.data(),     matrix.data(),
                              touched.data(), by_level.data(), by_size.data()};
        gldm::window_features(job.lattice, job.levels, job.log(), box, job.offsets, reach, alpha, s, row);
    }
};

struct NgtdmWorker {
    const Job& job;
    i32 reach;
    std::vector<i32> patch, step, present;
    std::vector<double> n, s;

    explicit NgtdmWorker(const Job& j)
        : job(j), reach(j.reach()), patch(j.most_with(reach)), step(j.offsets.count), present(j.levels.count),
          n(j.levels.count), s(j.levels.count) {}
    void operator()(const Box& box, double* row) {
        const ngtdm::Scratch scratch{patch.data(), step.data(), n.data(), s.data(), present.data()};
        ngtdm::window_features(job.lattice, job.levels, box, job.offsets, reach, scratch, row);
    }
};

struct FirstorderWorker {
    const Job& job;
    const double* image;
    double shift, voxel_volume;
    u32 wanted;
    std::vector<double> values;
    std::vector<u32> by_level;

    FirstorderWorker(const Job& j, const double* image_, double shift_, double volume, u32 wanted_)
        : job(j), image(image_), shift(shift_), voxel_volume(volume), wanted(wanted_), values(j.most()),
          by_level(j.levels.count) {}
    void operator()(const Box& box, double* row) {
        firstorder::window_features(image, job.lattice, job.levels, job.log(), box, shift, voxel_volume, wanted,
                                    {values.data(), by_level.data()}, row);
    }
};

#define RS_JOB_ARGS                                                                                                 \
    LevelArray level, ValueArray values, i32 highest, IndexArray centres, nb::tuple radius, IndexArray offsets,     \
        ValueArray weights, i32 threads
#define RS_JOB make_job(level, values, highest, centres, radius, offsets, weights, threads)
#define RS_NAMES                                                                                                    \
    nb::arg("level"), nb::arg("values"), nb::arg("highest"), nb::arg("centres"), nb::arg("radius"),                 \
        nb::arg("offsets"), nb::arg("weights"), nb::arg("threads")

}  // namespace

void bind_shape(nb::module_& m);  // shape_native.cpp

NB_MODULE(_native, m) {
    m.doc() = "Texture kernels on the CPU; see the headers beside native.cpp.";
    bind_shape(m);
    m.def("glcm", [](RS_JOB_ARGS, bool symmetric, u32 wanted) {
        const Job job = RS_JOB;
        if (job.offsets.weight) {
            return run(job, glcm::COUNT, [&] { return GlcmWorker<double>(job, symmetric, wanted); });
        }
        return run(job, glcm::COUNT, [&] { return GlcmWorker<u32>(job, symmetric, wanted); });
    }, RS_NAMES, nb::arg("symmetric"), nb::arg("wanted"));
    m.def("glrlm", [](RS_JOB_ARGS) {
        const Job job = RS_JOB;
        if (job.offsets.weight) return run(job, sizes::COUNT, [&] { return GlrlmWorker<double>(job); });
        return run(job, sizes::COUNT, [&] { return GlrlmWorker<u32>(job); });
    }, RS_NAMES);
    m.def("glszm", [](RS_JOB_ARGS) {
        const Job job = RS_JOB;
        return run(job, sizes::COUNT, [&] { return GlszmWorker(job); });
    }, RS_NAMES);
    m.def("gldm", [](RS_JOB_ARGS, i32 alpha) {
        const Job job = RS_JOB;
        return run(job, sizes::COUNT, [&] { return GldmWorker(job, alpha); });
    }, RS_NAMES, nb::arg("alpha"));
    m.def("ngtdm", [](RS_JOB_ARGS) {
        const Job job = RS_JOB;
        return run(job, ngtdm::COUNT, [&] { return NgtdmWorker(job); });
    }, RS_NAMES);
    m.def("firstorder", [](RS_JOB_ARGS, u32 wanted, ImageArray image, double shift, double voxel_volume) {
        const Job job = RS_JOB;
        return run(job, firstorder::COUNT,
                   [&] { return FirstorderWorker(job, image.data(), shift, voxel_volume, wanted); });
    }, RS_NAMES, nb::arg("wanted"), nb::arg("image"), nb::arg("shift"), nb::arg("voxel_volume"));
}
