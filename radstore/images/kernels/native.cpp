// The CPU build of the image kernels: a Python extension module that runs them with threads, the GIL released.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "convolve.hpp"
#include "laplacian.hpp"
#include "resample.hpp"

namespace nb = nanobind;
using namespace rs;

namespace {

// Results are written into arrays that the caller makes: NumPy asks the system for large pages, which `new` does not.
template <class T>
using Image = nb::ndarray<const T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
template <class T>
using Volume = nb::ndarray<T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
template <class T>
using Numbers = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Coefficients = nb::ndarray<const double, nb::shape<3, COEFFICIENTS>, nb::c_contig, nb::device::cpu>;
using Places = nb::ndarray<const std::int32_t, nb::shape<TAPS, -1>, nb::c_contig, nb::device::cpu>;
using Weights = nb::ndarray<const double, nb::shape<TAPS, -1>, nb::c_contig, nb::device::cpu>;

template <class Array>
Shape shape_of(const Array& image) {
    const Shape s{static_cast<i64>(image.shape(0)), static_cast<i64>(image.shape(1)), static_cast<i64>(image.shape(2))};
    if (s.size() && s.longest() > (1 << 24)) throw nb::value_error("no axis may have more than 2^24 voxels");
    return s;
}

template <class Array>
void check_shape(const Array& array, const Shape& s) {
    const Shape found = shape_of(array);
    if (found.z != s.z || found.y != s.y || found.x != s.x) throw nb::value_error("an output of another shape");
}

template <class T>
void laplacian_of(const Image<T>& image, const Coefficients& smooth, const Coefficients& second,
                  std::array<double, 3> spacing, const Volume<float>& out, const Volume<float>& scratch, int threads) {
    const Shape s = shape_of(image);
    if (std::min({s.z, s.y, s.x}) < SHORTEST) throw nb::value_error("every axis needs at least 4 voxels");
    check_shape(out, s);
    check_shape(scratch, s);
    Axis axis[3];
    for (int k = 0; k < 3; ++k) {
        const double weight = 1.0 / (spacing[k] * spacing[k]);
        axis[k] = {{smooth.data() + k * COEFFICIENTS}, {second.data() + k * COEFFICIENTS}, weight};
    }
    nb::gil_scoped_release released;
    laplacian(image.data(), s, axis, out.data(), scratch.data(), threads);
}

template <class T>
void convolve_along(const Image<T>& image, const Numbers<T>& taps, int axis, const Volume<T>& out, int threads) {
    const Shape s = shape_of(image);
    if (axis < 0 || axis > 2) throw nb::value_error("axis is 0 (z), 1 (y) or 2 (x)");
    check_shape(out, s);
    nb::gil_scoped_release released;
    convolve(image.data(), s, taps.data(), static_cast<int>(taps.shape(0)), axis, out.data(), threads);
}

void decompose_in_place(const Volume<double>& image, std::array<double, 3> last, int threads) {
    const Shape s = shape_of(image);
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

void interpolate_at(const Image<double>& coefficients, const std::array<Places, 3>& places,
                    const std::array<Weights, 3>& weights, const Volume<double>& out, int threads) {
    const Shape s = shape_of(coefficients);
    const Taps4 axis[3] = {taps_of(places[0], weights[0], s.z), taps_of(places[1], weights[1], s.y),
                           taps_of(places[2], weights[2], s.x)};
    check_shape(out, {axis[0].n, axis[1].n, axis[2].n});
    nb::gil_scoped_release released;
    interpolate_volume(coefficients.data(), s, axis, out.data(), threads);
}

template <class T>
void bind_laplacian(nb::module_& m) {
    m.def("laplacian", &laplacian_of<T>, nb::arg("image").noconvert(), nb::arg("smooth"), nb::arg("second"),
          nb::arg("spacing"), nb::arg("out").noconvert(), nb::arg("scratch").noconvert(), nb::arg("threads"));
}

template <class T>
void bind_convolve(nb::module_& m) {
    m.def("convolve", &convolve_along<T>, nb::arg("image").noconvert(), nb::arg("taps").noconvert(), nb::arg("axis"),
          nb::arg("out").noconvert(), nb::arg("threads"));
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
    m.def("interpolate", &interpolate_at, nb::arg("coefficients").noconvert(), nb::arg("places"), nb::arg("weights"),
          nb::arg("out").noconvert(), nb::arg("threads"));
}
