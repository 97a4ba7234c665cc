// What the kernels of both processors share.
#pragma once

#if defined(__CUDACC_RTC__) || defined(__CUDACC__)
#define RS_LINE __device__ __forceinline__
#define RS_KERNEL extern "C" __global__ void
#elif defined(_MSC_VER)
#define RS_LINE __forceinline
#else
#define RS_LINE inline __attribute__((always_inline))  // into callers compiled for wider vectors
#endif

namespace rs {
using i64 = long long;
}
