// The CPU build of the image kernels: a Python extension module that runs them with threads, the GIL released.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <memory>

#include "convolve.hpp"
#include "laplacian.hpp"

namespace nb = nanobind;
using namespace rs;

namespace {

template <class T>
using Image = nb::ndarray<const T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
template <class T>
using Result = nb::ndarray<nb::numpy, T, nb::ndim<3>>;
template <class T>
using Numbers = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Coefficients = nb::ndarray<const double, nb::shape<3, COEFFICIENTS>, nb::c_contig, nb::device::cpu>;

template <class T>
Shape shape_of(const Image<T>& image) {
    const Shape s{static_cast<i64>(image.shape(0)), static_cast<i64>(image.shape(1)), static_cast<i64>(image.shape(2))};
    if (s.size() && s.longest() > (1 << 24)) throw nb::value_error("no axis may have more than 2^24 voxels");
    return s;
}

// A new volume, filled by fill(data) without the GIL.
template <class T, class Fill>
Result<T> made(const Shape& s, const Fill& fill) {
    T* data = new T[static_cast<size_t>(s.size())];
    nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
    {
        nb::gil_scoped_release released;
        fill(data);
    }
    return Result<T>(data, {static_cast<size_t>(s.z), static_cast<size_t>(s.y), static_cast<size_t>(s.x)}, owner);
}

template <class T>
Result<float> laplacian_of(const Image<T>& image, const Coefficients& smooth, const Coefficients& second,
                           nb::tuple spacing, int threads) {
    const Shape s = shape_of(image);
    if (std::min({s.z, s.y, s.x}) < SHORTEST) throw nb::value_error("every axis needs at least 4 voxels");
    Axis axis[3];
    for (int k = 0; k < 3; ++k) {
        const double d = nb::cast<double>(spacing[k]);
        axis[k] = {{smooth.data() + k * COEFFICIENTS}, {second.data() + k * COEFFICIENTS}, 1.0 / (d * d)};
    }
    return made<float>(s, [&](float* out) {
        const std::unique_ptr<float[]> scratch(new float[static_cast<size_t>(s.size())]);
        laplacian(image.data(), s, axis, out, scratch.get(), threads);
    });
}

template <class T>
Result<T> convolved(const Image<T>& image, const Numbers<T>& taps, int axis, int threads) {
    const Shape s = shape_of(image);
    if (axis < 0 || axis > 2) throw nb::value_error("axis is 0 (z), 1 (y) or 2 (x)");
    return made<T>(s, [&](T* out) {
        convolve(image.data(), s, taps.data(), static_cast<int>(taps.shape(0)), axis, out, threads);
    });
}

template <class T>
void bind_laplacian(nb::module_& m) {
    m.def("laplacian", &laplacian_of<T>, nb::arg("image").noconvert(), nb::arg("smooth"), nb::arg("second"),
          nb::arg("spacing"), nb::arg("threads"));
}

template <class T>
void bind_convolve(nb::module_& m) {
    m.def("convolve", &convolved<T>, nb::arg("image").noconvert(), nb::arg("taps").noconvert(), nb::arg("axis"),
          nb::arg("threads"));
}

}  // namespace

NB_MODULE(_native, m) {
    m.doc() = "Filters and interpolation on the CPU that array code does too slowly; see the headers beside native.cpp.";
    bind_laplacian<std::int16_t>(m);
    bind_laplacian<float>(m);
    bind_laplacian<double>(m);
    bind_convolve<float>(m);
    bind_convolve<double>(m);
}
