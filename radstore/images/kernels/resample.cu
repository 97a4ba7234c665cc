// The GPU build of B-spline resampling. Compile without contraction into fused multiply-adds: then every bit is the CPU's.
#include "spline.hpp"

using namespace rs;

// Samples → coefficients in place: a thread a line, laid out as in filters.cu. `last` is as in `decompose`.
RS_KERNEL decompose_lines(double* image, i64 lines, i64 inner, int length, double last) {
    const i64 line = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (line < lines) decompose<1>(length, last, image + line / inner * inner * length + line % inner, inner);
}

// Values of a grid of nz × ny × nx voxels: a thread a voxel, x fastest, so that a block reads few rows.
RS_KERNEL interpolate_voxels(const double* coefficients, double* out, const int* place_z,
                                              const double* weight_z, const int* place_y, const double* weight_y,
                                              const int* place_x, const double* weight_x, i64 rows, i64 columns, i64 nz,
                                              i64 ny, i64 nx) {
    const i64 v = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (v >= nz * ny * nx) return;
    interpolate<1>(coefficients, rows * columns, columns, {place_z, weight_z, nz}, {place_y, weight_y, ny},
                   {place_x, weight_x, nx}, v / (ny * nx), v / nx % ny, v % nx, out + v);
}
