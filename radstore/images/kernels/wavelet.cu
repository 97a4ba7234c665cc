// The GPU build of the wavelet transform: a thread a voxel, x fastest, so that a block reads and writes rows.
//
// Compile without contraction into fused multiply-adds: then every bit is the CPU's.
#include "taps.hpp"

using namespace rs;

// Convolve along an axis of `t.n` samples that lie `step` apart.
template <class T>
RS_LINE void convolve_voxel(const T* in, const T* taps, T* out, i64 voxels, i64 step, const Taps& t) {
    const i64 v = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (v >= voxels) return;
    const i64 i = v / step % t.n;
    const T* const line = in + v - i * step;
    T sum = 0;
    for (int k = 0; k < t.length; ++k) {
        const int tap = t.tap(i, k);
        sum += line[t.place(i, tap) * step] * taps[tap];
    }
    out[v] = sum;
}

RS_KERNEL convolve_float32(const float* in, const float* taps, float* out, i64 voxels, i64 step, i64 n, int length) {
    convolve_voxel(in, taps, out, voxels, step, {n, length});
}

RS_KERNEL convolve_float64(const double* in, const double* taps, double* out, i64 voxels, i64 step, i64 n, int length) {
    convolve_voxel(in, taps, out, voxels, step, {n, length});
}
