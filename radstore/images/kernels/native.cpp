// The CPU build: Laplacian of Gaussian of a volume, with threads.
//
// ITK runs nine line filters, three a term, each through the whole volume and through memory. Here the same nine run
// in three sweeps, so that what one leaves the next finds in the cache:
//
//     1. each plane z      a = Gy Lx in,   b = Gx Ly in
//     2. each row of       out = Gz a · 1/dx² + Gz b · 1/dy²,   b = Lz in
//        lines along z
//     3. each plane z      out += Gy Gx b · 1/dz²
//
// (G smooths, L takes the second derivative; everything between two line filters is float32, as in ITK.) A thread
// takes whole planes or rows, and none reads what another writes in the same sweep.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "recursive.hpp"

namespace nb = nanobind;
using namespace rs;

// GCC makes two versions of what follows and the loader takes the one that suits the machine; without contraction
// into fused multiply-adds both give the same bits.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && !defined(RADSTORE_SANITIZE)
#define RS_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define RS_WIDE
#endif

namespace {

using i64 = long long;
constexpr int W = 16;  // lines side by side: a cache line of float32

struct Shape {
    i64 z, y, x;
    i64 plane() const { return y * x; }
};

// What one thread works in: W lines, sample by sample, and the two runs over them.
struct Lines {
    std::vector<double> x, y, z;
    explicit Lines(i64 longest) : x(longest * W), y(longest * W), z(longest * W) {}
};

RS_WIDE void run_lines(const double* c, int n, const double* x, double* y, double* z) {
    recurse<W>(c, n, x, W, y, z, W);
    for (i64 i = 0; i < static_cast<i64>(n) * W; ++i) y[i] += z[i];
}

// Filter `lines` ≤ W lines: sample i of line l is from[i * step + l * apart], and the result goes to the same place
// of what `put(place, value)` writes.
template <class T, class Put>
void filter(const double* c, i64 n, i64 lines, const T* from, i64 step, i64 apart, Lines& buffer, const Put& put) {
    double* x = buffer.x.data();
    if (lines < W) std::fill(x, x + n * W, 0.0);
    if (apart == 1) {
        for (i64 i = 0; i < n; ++i) {
            for (i64 l = 0; l < lines; ++l) x[i * W + l] = static_cast<double>(from[i * step + l]);
        }
    } else {
        for (i64 l = 0; l < lines; ++l) {
            for (i64 i = 0; i < n; ++i) x[i * W + l] = static_cast<double>(from[i * step + l * apart]);
        }
    }
    run_lines(c, static_cast<int>(n), x, buffer.y.data(), buffer.z.data());
    const double* y = buffer.y.data();
    if (apart == 1) {
        for (i64 i = 0; i < n; ++i) {
            for (i64 l = 0; l < lines; ++l) put(i * step + l, y[i * W + l]);
        }
    } else {
        for (i64 l = 0; l < lines; ++l) {
            for (i64 i = 0; i < n; ++i) put(i * step + l * apart, y[i * W + l]);
        }
    }
}

// All lines of a plane along x (rows) or along y (columns); `put` gets places in the plane.
template <class T, class Put>
void rows(const double* c, const Shape& s, const T* from, Lines& buffer, const Put& put) {
    for (i64 y = 0; y < s.y; y += W) {
        filter(c, s.x, std::min<i64>(W, s.y - y), from + y * s.x, 1, s.x, buffer,
               [&](i64 place, double value) { put(y * s.x + place, value); });
    }
}

template <class T, class Put>
void columns(const double* c, const Shape& s, const T* from, Lines& buffer, const Put& put) {
    for (i64 x = 0; x < s.x; x += W) {
        filter(c, s.y, std::min<i64>(W, s.x - x), from + x, s.x, 1, buffer,
               [&](i64 place, double value) { put(x + place, value); });
    }
}

// Run work(item, buffer) for every item, on up to `threads` threads.
template <class Work>
void share(i64 items, int threads, i64 longest, const Work& work) {
    std::vector<Lines> buffers;  // made here, so that running out of memory is an exception
    for (i64 t = 0; t < std::min<i64>(std::max(1, threads), items); ++t) buffers.emplace_back(longest);
    std::atomic<i64> next{0};
    const auto loop = [&](size_t t) {
        for (i64 item = next++; item < items; item = next++) work(item, buffers[t]);
    };
    std::vector<std::thread> others;
    for (size_t t = 1; t < buffers.size(); ++t) {
        try {
            others.emplace_back(loop, t);
        } catch (const std::system_error&) {
            break;  // the machine gives no more threads: those there are share the work
        }
    }
    loop(0);
    for (auto& thread : others) thread.join();
}

// The coefficients of one axis, and what turns its term into one per mm².
struct Axis {
    const double* smooth;
    const double* second;
    double weight;
};

inline double term(double value, double weight) { return static_cast<double>(static_cast<float>(value)) * weight; }

template <class T>
void laplacian(const T* in, const Shape& s, const Axis (&axis)[3], float* out, float* b, int threads) {
    const Axis &ax = axis[0], &ay = axis[1], &az = axis[2];
    const i64 plane = s.plane(), longest = std::max({s.x, s.y, s.z});
    share(s.z, threads, longest, [&](i64 z, Lines& buffer) {
        const T* from = in + z * plane;
        float *pa = out + z * plane, *pb = b + z * plane;
        const auto into_a = [&](i64 i, double value) { pa[i] = static_cast<float>(value); };
        const auto into_b = [&](i64 i, double value) { pb[i] = static_cast<float>(value); };
        rows(ax.second, s, from, buffer, into_a);
        columns(ay.smooth, s, pa, buffer, into_a);
        columns(ay.second, s, from, buffer, into_b);
        rows(ax.smooth, s, pb, buffer, into_b);
    });
    share(s.y, threads, longest, [&](i64 y, Lines& buffer) {
        for (i64 x = 0; x < s.x; x += W) {
            const i64 first = y * s.x + x, lines = std::min<i64>(W, s.x - x);
            const auto along_z = [&](const double* c, const auto* from, const auto& put) {
                filter(c, s.z, lines, from + first, plane, 1, buffer, put);
            };
            float *po = out + first, *pb = b + first;
            along_z(az.smooth, out, [&](i64 i, double v) {
                po[i] = static_cast<float>(term(v, ax.weight));
            });
            along_z(az.smooth, b, [&](i64 i, double v) {
                po[i] = static_cast<float>(static_cast<double>(po[i]) + term(v, ay.weight));
            });
            along_z(az.second, in, [&](i64 i, double v) { pb[i] = static_cast<float>(v); });
        }
    });
    share(s.z, threads, longest, [&](i64 z, Lines& buffer) {
        float *po = out + z * plane, *pb = b + z * plane;
        rows(ax.smooth, s, pb, buffer, [&](i64 i, double v) { pb[i] = static_cast<float>(v); });
        columns(ay.smooth, s, pb, buffer, [&](i64 i, double v) {
            po[i] = static_cast<float>(static_cast<double>(po[i]) + term(v, az.weight));
        });
    });
}

template <class T>
using Image = nb::ndarray<const T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Coefficients = nb::ndarray<const double, nb::shape<3, COEFFICIENTS>, nb::c_contig, nb::device::cpu>;
using Result = nb::ndarray<nb::numpy, float, nb::ndim<3>>;

template <class T>
Result laplacian_of(const Image<T>& image, const Coefficients& smooth, const Coefficients& second, nb::tuple spacing,
                    int threads) {
    const Shape s{static_cast<i64>(image.shape(0)), static_cast<i64>(image.shape(1)), static_cast<i64>(image.shape(2))};
    if (std::min({s.z, s.y, s.x}) < SHORTEST) throw nb::value_error("every axis needs at least 4 voxels");
    if (std::max({s.z, s.y, s.x}) > (1 << 24)) throw nb::value_error("no axis may have more than 2^24 voxels");
    Axis axis[3];
    for (int k = 0; k < 3; ++k) {
        const double d = nb::cast<double>(spacing[k]);
        axis[k] = {smooth.data() + k * COEFFICIENTS, second.data() + k * COEFFICIENTS, 1.0 / (d * d)};
    }
    const size_t size = static_cast<size_t>(s.z * s.plane());
    float* out = new float[size];
    nb::capsule owner(out, [](void* p) noexcept { delete[] static_cast<float*>(p); });
    {
        nb::gil_scoped_release released;
        const std::unique_ptr<float[]> scratch(new float[size]);
        laplacian(image.data(), s, axis, out, scratch.get(), threads);
    }
    return Result(out, {image.shape(0), image.shape(1), image.shape(2)}, owner);
}

template <class T>
void bind(nb::module_& m) {
    m.def("laplacian", &laplacian_of<T>, nb::arg("image").noconvert(), nb::arg("smooth"), nb::arg("second"),
          nb::arg("spacing"), nb::arg("threads"));
}

}  // namespace

NB_MODULE(_native, m) {
    m.doc() = "Filters on the CPU that array code does too slowly; see native.cpp.";
    bind<std::int16_t>(m);
    bind<float>(m);
    bind<double>(m);
}
