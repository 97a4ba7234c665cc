// The GPU build of the filters: one thread a line of voxels.
//
// Lines run along an axis whose neighbours in memory are `inner` voxels apart, so that thread t of a block and
// thread t + 1 read adjacent voxels at every step:
//
//     inner = 4, length = 3     line   0  1  2  3 | 4  5  6  7
//                               i = 0  ▪  ▪  ▪  ▪ | ▪  ▪  ▪  ▪     ↓ a thread walks down,
//                               i = 1  ▪  ▪  ▪  ▪ | ▪  ▪  ▪  ▪       then up again
//                               i = 2  ▪  ▪  ▪  ▪ | ▪  ▪  ▪  ▪
//
// Compile without contraction into fused multiply-adds: then every bit is the CPU's.
#include "recursive.hpp"

using namespace rs;

// Lines first … first + count. `runs` holds 2 × count × length doubles, sample by sample: forth, then back.
template <class X>
__device__ void filter_line(const X* image, float* out, double* runs, const double* c, i64 first, i64 count, i64 inner,
                            int length) {
    const i64 t = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (t >= count) return;
    const i64 line = first + t, start = line / inner * inner * length + line % inner;
    double *y = runs + t, *z = runs + count * length + t;
    recurse<1>(c, length, image + start, inner, y, z, count);
    for (int i = 0; i < length; ++i) out[start + i * inner] = static_cast<float>(y[i * count] + z[i * count]);
}

#define RS_ARGS float *out, double *runs, const double *c, i64 first, i64 count, i64 inner, int length

RS_KERNEL recursive_float32(const float* image, RS_ARGS) {
    filter_line(image, out, runs, c, first, count, inner, length);
}

RS_KERNEL recursive_float64(const double* image, RS_ARGS) {
    filter_line(image, out, runs, c, first, count, inner, length);
}
