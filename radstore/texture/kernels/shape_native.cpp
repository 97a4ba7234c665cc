// The CPU build of shape.hpp: one call a region.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cmath>
#include <vector>

#include "shape.hpp"

namespace nb = nanobind;
using namespace rs;

namespace {

using MaskArray = nb::ndarray<const shape::u8, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

// Ends and the memory they point to.
struct OwnedEnds : shape::Ends {
    std::vector<i32> places;
    std::vector<shape::u8> marks;

    OwnedEnds(i32 a, i32 b) : places(2 * static_cast<size_t>(a) * b), marks(static_cast<size_t>(a) * b) {
        low = places.data();
        high = low + marks.size();
        on_hull = marks.data();
        na = a;
        nb = b;
        clear();
    }
    OwnedEnds(const OwnedEnds&) = delete;
};

struct Found {
    shape::Counts counts{};
    double diameter[shape::DIAMETERS];
};

void measure(const shape::Mask& mask, const double* spacing, Found& out) {
    const i32 hz = shape::Mask::halves(mask.nz), hy = shape::Mask::halves(mask.ny), hx = shape::Mask::halves(mask.nx);
    double h[3];
    for (int a = 0; a < 3; ++a) h[a] = spacing[a] * spacing[a] / 4;
    const OwnedEnds along_x(hz, hy), along_y(hz, hx);
    std::vector<shape::u8> kind(static_cast<size_t>(mask.nx));
    shape::add_cubes(mask, kind.data(), out.counts, along_x, along_y);

    const size_t longest = static_cast<size_t>(hz > hy ? hz : hy);
    std::vector<i32> lines(2 * longest), places(2 * longest);
    shape::plane_diameters(along_x, along_y, h, {lines.data(), places.data(), 0}, out.diameter);
    std::vector<shape::Vertex> vertices(static_cast<size_t>(shape::candidates(along_x, along_y, h, nullptr)));
    const i32 n = shape::candidates(along_x, along_y, h, vertices.data());
    out.diameter[3] = shape::space_diameter(vertices.data(), n, h);
    for (double& d : out.diameter) d = std::sqrt(d);
}

template <class T>
nb::ndarray<nb::numpy, T> owned(const T* from, size_t n, std::initializer_list<size_t> shape) {
    T* data = new T[n];
    nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
    for (size_t k = 0; k < n; ++k) data[k] = from[k];
    return nb::ndarray<nb::numpy, T>(data, shape, owner);
}

}  // namespace

void bind_shape(nb::module_& m) {
    m.def("shape", [](MaskArray mask, double z, double y, double x) {
        Found found;
        {
            nb::gil_scoped_release released;
            const double spacing[3] = {z, y, x};
            const shape::Mask grid{mask.data(), static_cast<i32>(mask.shape(0)), static_cast<i32>(mask.shape(1)),
                                   static_cast<i32>(mask.shape(2))};
            measure(grid, spacing, found);
        }
        return nb::make_tuple(owned(&found.counts.cubes[0][0], shape::KINDS * shape::SUMS, {shape::KINDS, shape::SUMS}),
                              owned(found.counts.moments, shape::MOMENTS, {shape::MOMENTS}),
                              owned(found.diameter, shape::DIAMETERS, {shape::DIAMETERS}));
    }, nb::arg("mask"), nb::arg("z"), nb::arg("y"), nb::arg("x"));
}
