// The CPU build of the kernels: a Python extension module that runs them over windows with threads.
//
// Each function takes grey levels on a grid and a list of boxes' centres (voxel mode), or none for one box that
// is the whole grid (ROI mode), and returns one row a wanted feature, one column a window.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/vector.h>

#include "firstorder_strips.hpp"
#include "glcm_strips.hpp"
#include "glrlm_strips.hpp"
#include "glszm_strips.hpp"
#include "job.hpp"
#include "neighbours_strips.hpp"

namespace nb = nanobind;
using namespace rs;

namespace {

using LevelArray = nb::ndarray<const u16, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using ImageArray = nb::ndarray<const double, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using ValueArray = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using IndexArray = nb::ndarray<const i32, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Result = nb::ndarray<nb::numpy, double, nb::ndim<2>>;

constexpr i64 MAX_LOGS = (1 << 16) + 1;  // entries: more than a window that rolls can count

Job make_job(const LevelArray& level, const ValueArray& values, i32 highest, const IndexArray& centres, nb::tuple radius,
             const IndexArray& offsets, const ValueArray& weights, std::vector<i32> wanted, i32 threads, bool rolling) {
    Job job;
    job.lattice = {level.data(), static_cast<i32>(level.shape(0)), static_cast<i32>(level.shape(1)),
                   static_cast<i32>(level.shape(2))};
    job.levels = {values.data(), static_cast<i32>(values.shape(0)), highest};
    job.windows = centres.shape(0) ? static_cast<i64>(centres.shape(0)) : 1;
    job.centres = centres.shape(0) ? centres.data() : nullptr;
    for (int a = 0; a < 3; ++a) job.radius[a] = nb::cast<i32>(radius[a]);
    job.offsets = {offsets.data(), static_cast<i32>(offsets.shape(0)), weights.shape(0) ? weights.data() : nullptr};
    job.threads = std::max(1, threads);
    job.wanted = std::move(wanted);
    job.rolling = rolling && job.centres;
    if (job.centres) {
        job.logs.resize(static_cast<size_t>(std::min<i64>(2 * job.most() + 1, MAX_LOGS)));
        for (size_t c = 0; c < job.logs.size(); ++c) job.logs[c] = clog2(static_cast<double>(c));
    }
    return job;
}

// Run make_worker() → worker(strip, output) over all windows.
template <class MakeWorker>
Result result(const Job& job, const MakeWorker& make_worker) {
    double* out = new double[static_cast<size_t>(job.windows) * job.wanted.size()];
    nb::capsule owner(out, [](void* p) noexcept { delete[] static_cast<double*>(p); });
    {
        nb::gil_scoped_release released;
        run(job, out, make_worker);
    }
    return Result(out, {job.wanted.size(), static_cast<size_t>(job.windows)}, owner);
}

// What make() makes, while other Python threads may run.
template <class Make>
auto released(const Make& make) {
    nb::gil_scoped_release released;
    return make();
}

// Window by window: a worker that knows boxes, as one that takes strips.
template <class Worker>
struct EachBox {
    const Job& job;
    Worker worker;
    std::vector<double> row;

    EachBox(const Job& j, Worker w) : job(j), worker(std::move(w)), row(Worker::FEATURES) {}
    void operator()(const Strip& strip, const Output& out) {
        for (i64 w = strip.first; w < strip.first + strip.count; ++w) {
            worker(job.box(w), row.data());
            out.write(w, row.data());
        }
    }
};

template <class Worker>
EachBox<Worker> each_box(const Job& job, Worker worker) {
    return {job, std::move(worker)};
}

template <class C>
struct GlcmWorker {
    static constexpr i32 FEATURES = glcm::COUNT;
    const Job& job;
    bool symmetric;
    u32 wanted;
    std::vector<C> joint, sum, difference, x, y;
    std::vector<u32> touched;
    std::vector<double> matrix, d, e;
    std::vector<i32> present;

    GlcmWorker(const Job& j, bool symmetric_) : job(j), symmetric(symmetric_), wanted(j.bits()) {
        const size_t k = j.levels.count, cells = k * k;
        joint.resize(cells);
        touched.resize(cells);
        sum.resize(2 * static_cast<size_t>(j.levels.highest) + 1);
        difference.resize(static_cast<size_t>(j.levels.highest) + 1);
        x.resize(k);
        y.resize(k);
        if (wanted & glcm::needing(glcm::EIGENVALUE)) matrix.resize(cells);
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
    static constexpr i32 FEATURES = sizes::COUNT;
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
    static constexpr i32 FEATURES = sizes::COUNT;
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
    static constexpr i32 FEATURES = sizes::COUNT;
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
    static constexpr i32 FEATURES = ngtdm::COUNT;
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
    static constexpr i32 FEATURES = firstorder::COUNT;
    const Job& job;
    const double* image;
    double shift, voxel_volume;
    u32 wanted;
    std::vector<double> values;
    std::vector<u32> by_level;

    FirstorderWorker(const Job& j, const double* image_, double shift_, double volume)
        : job(j), image(image_), shift(shift_), voxel_volume(volume), wanted(j.bits()), values(j.most()),
          by_level(j.levels.count) {}
    void operator()(const Box& box, double* row) {
        firstorder::window_features(image, job.lattice, job.levels, job.log(), box, shift, voxel_volume, wanted,
                                    {values.data(), by_level.data()}, row);
    }
};

// A feature as Python reads it: its name, what it needs, and its meaning if it is one of our own.
struct Listed {
    const char *name, *needs, *meaning;
};
#define RS_LISTED(name, needs) {#name, #needs, ""},
#define RS_OWN_LISTED(name, needs, meaning) {#name, #needs, meaning},

// A family's features in the order of its enum.
nb::list listed(std::initializer_list<Listed> all) {
    nb::list list;
    for (const Listed& feature : all) list.append(nb::make_tuple(feature.name, feature.needs, feature.meaning));
    return list;
}

#define RS_JOB_ARGS                                                                                                 \
    LevelArray level, ValueArray values, i32 highest, IndexArray centres, nb::tuple radius, IndexArray offsets,     \
        ValueArray weights, std::vector<i32> wanted, i32 threads, bool rolling
#define RS_JOB make_job(level, values, highest, centres, radius, offsets, weights, wanted, threads, rolling)
#define RS_NAMES                                                                                                    \
    nb::arg("level"), nb::arg("values"), nb::arg("highest"), nb::arg("centres"), nb::arg("radius"),                 \
        nb::arg("offsets"), nb::arg("weights"), nb::arg("wanted"), nb::arg("threads"), nb::arg("rolling")

}  // namespace

void bind_shape(nb::module_& m);  // shape_native.cpp

NB_MODULE(_native, m) {
    m.doc() = "Texture kernels on the CPU; see the headers beside native.cpp.";
    bind_shape(m);
    nb::dict features;
    features["glcm"] = listed({RS_GLCM_FEATURES(RS_LISTED, RS_OWN_LISTED)});
    features["sizes"] = listed({RS_SIZES_FEATURES(RS_LISTED, RS_OWN_LISTED)});
    features["ngtdm"] = listed({RS_NGTDM_FEATURES(RS_LISTED, RS_OWN_LISTED)});
    features["firstorder"] = listed({RS_FIRSTORDER_FEATURES(RS_LISTED, RS_OWN_LISTED)});
    m.attr("FEATURES") = features;
    m.def("glcm", [](RS_JOB_ARGS, bool symmetric) {
        const Job job = RS_JOB;
        if (glcm::rolls(job, symmetric)) {
            const auto shared = released([&] { return glcm::Shared(job); });
            return result(job, [&] { return glcm::Strips(shared); });
        }
        if (job.offsets.weight) {
            return result(job, [&] { return each_box(job, GlcmWorker<double>(job, symmetric)); });
        }
        return result(job, [&] { return each_box(job, GlcmWorker<u32>(job, symmetric)); });
    }, RS_NAMES, nb::arg("symmetric"));
    m.def("glrlm", [](RS_JOB_ARGS) {
        const Job job = RS_JOB;
        if (glrlm::rolls(job)) {
            const auto shared = released([&] { return glrlm::Shared(job); });
            return result(job, [&] { return glrlm::Strips(shared); });
        }
        if (job.offsets.weight) return result(job, [&] { return each_box(job, GlrlmWorker<double>(job)); });
        return result(job, [&] { return each_box(job, GlrlmWorker<u32>(job)); });
    }, RS_NAMES);
    m.def("glszm", [](RS_JOB_ARGS) {
        const Job job = RS_JOB;
        if (glszm::labels(job)) {
            const auto shared = released([&] { return glszm::Shared(job); });
            return result(job, [&] { return glszm::Strips(shared); });
        }
        return result(job, [&] { return each_box(job, GlszmWorker(job)); });
    }, RS_NAMES);
    m.def("gldm", [](RS_JOB_ARGS, i32 alpha) {
        const Job job = RS_JOB;
        if (neighbours::rolls(job)) {
            const neighbours::Rows rows(job);
            const Field planes(job);
            return result(job, [&] { return gldm::Strips(job, rows, planes, alpha); });
        }
        return result(job, [&] { return each_box(job, GldmWorker(job, alpha)); });
    }, RS_NAMES, nb::arg("alpha"));
    m.def("ngtdm", [](RS_JOB_ARGS) {
        const Job job = RS_JOB;
        if (neighbours::rolls(job)) {
            const neighbours::Rows rows(job);
            const Field planes(job);
            return result(job, [&] { return ngtdm::Strips(job, rows, planes); });
        }
        return result(job, [&] { return each_box(job, NgtdmWorker(job)); });
    }, RS_NAMES);
    m.def("firstorder", [](RS_JOB_ARGS, ImageArray image, double shift, double voxel_volume) {
        const Job job = RS_JOB;
        if (firstorder::rolls(job, image.data())) {
            const Field planes(job);
            return result(job, [&] { return firstorder::Strips(job, planes, image.data(), shift, voxel_volume); });
        }
        return result(job, [&] { return each_box(job, FirstorderWorker(job, image.data(), shift, voxel_volume)); });
    }, RS_NAMES, nb::arg("image"), nb::arg("shift"), nb::arg("voxel_volume"));
}
