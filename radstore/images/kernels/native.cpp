// The CPU build of the image kernels: a Python extension module that runs them with threads, the GIL released.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>

#include <array>
#include <cstdint>
#include <memory>

#include "convolve.hpp"
#include "laplacian.hpp"
#include "resample.hpp"

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

using Volume = nb::ndarray<double, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Places = nb::ndarray<const std::int32_t, nb::shape<TAPS, -1>, nb::c_contig, nb::device::cpu>;
using Weights = nb::ndarray<const double, nb::shape<TAPS, -1>, nb::c_contig, nb::device::cpu>;

void decompose_in_place(const Volume& image, std::array<double, 3> last, int threads) {
    const Shape s = shape_of(Image<double>(image));
    const double powers[3] = {last[0], last[1], last[2]};
    nb::gil_scoped_release released;
    decompose_volume(image.data(), s, powers, threads);
}

// The taps of one axis; every place must lie inside it.
Taps4 taps_of(const Places& place, const Weights& weight, i64 size) {
    const i64 n = static_cast<i64>(place.shape(1));
    if (static_cast<i64>(weight.shape(1)) != n) throw nb::value_error("as many weights as places");
    const std::int32_t *first = place.data(), *end = first + TAPS * n;
    if (std::any_of(first, end, [&](std::int32_t p) { return p < 0 || p >= size; })) {
        throw nb::value_error("a place outside the volume");
    }
    return {first, weight.data(), n};
}

Result<double> interpolated(const Image<double>& coefficients, const std::array<Places, 3>& places,
                            const std::array<Weights, 3>& weights, int threads) {
    const Shape s = shape_of(coefficients);
    const Taps4 axis[3] = {taps_of(places[0], weights[0], s.z), taps_of(places[1], weights[1], s.y),
                           taps_of(places[2], weights[2], s.x)};
    return made<double>({axis[0].n, axis[1].n, axis[2].n},
                        [&](double* out) { interpolate_volume(coefficients.data(), s, axis, out, threads); });
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
    m.def("decompose", &decompose_in_place, nb::arg("image").noconvert(), nb::arg("last"), nb::arg("threads"));
    m.def("interpolate", &interpolated, nb::arg("coefficients").noconvert(), nb::arg("places"), nb::arg("weights"),
          nb::arg("threads"));
}
