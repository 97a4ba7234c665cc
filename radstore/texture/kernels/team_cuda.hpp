// Teams on the GPU: the lanes of a warp or of a block that share a window, and all threads of a grid that count.
#pragma once

#include "team.hpp"

namespace rs {

constexpr u32 EVERY_LANE = 0xffffffffu;
constexpr i32 WARP = 32;
constexpr i32 MAX_WARPS = 32;  // of a block

struct Plus {
    template <class T>
    RS_FN T operator()(T a, T b) const { return a + b; }
};
struct Least {
    template <class T>
    RS_FN T operator()(T a, T b) const { return b < a ? b : a; }
};
struct Most {
    template <class T>
    RS_FN T operator()(T a, T b) const { return b > a ? b : a; }
};

// One value of all lanes' values: a butterfly of shuffles in each warp, then the warps in turn. Always the same
// order, so always the same bits. partial: shared memory, a value a warp.
template <class Two, class T>
RS_APART T combine(T v, i32 size, u64* partial) {
    const Two two;
    for (i32 away = WARP / 2; away; away /= 2) v = two(v, __shfl_xor_sync(EVERY_LANE, v, away));
    if (size == WARP) return v;
    T* const slot = reinterpret_cast<T*>(partial);
    if (threadIdx.x % WARP == 0) slot[threadIdx.x / WARP] = v;
    __syncthreads();
    v = slot[0];
    for (i32 w = 1; w < size / WARP; ++w) v = two(v, slot[w]);
    __syncthreads();  // the next one writes there again
    return v;
}

// A warp, or the whole block, as `team.hpp` wants a team.
//
//     thread  0 … 31 | 32 … 63 | …       size 32: each warp is a team, lane = thread mod 32
//             0 …                        size blockDim.x: one team, lane = thread
class Lanes {
    i32 size;
    u64* partial;  // shared memory, a value a warp; used by teams of more than one

  public:
    RS_FN Lanes(i32 size_, u64* partial_) : size(size_), partial(partial_) {}

    RS_FN i32 lane() const { return size == WARP ? static_cast<i32>(threadIdx.x % WARP) : static_cast<i32>(threadIdx.x); }
    RS_FN i32 lanes() const { return size; }
    // Which team of the block this is, and how many there are.
    RS_FN i32 number() const { return size == WARP ? static_cast<i32>(threadIdx.x / WARP) : 0; }
    RS_FN i32 count() const { return size == WARP ? static_cast<i32>(blockDim.x / WARP) : 1; }

    RS_FN void sync() const {
        if (size == WARP) {
            __syncwarp();
        } else {
            __syncthreads();
        }
    }
    template <class T>
    RS_FN T sum(T v) const { return combine<Plus>(v, size, partial); }
    template <class T>
    RS_FN T least(T v) const { return combine<Least>(v, size, partial); }
    template <class T>
    RS_FN T most(T v) const { return combine<Most>(v, size, partial); }
    template <class T>
    RS_FN T add(T& target, T v) const { return atomicAdd(&target, v); }
    RS_FN i32 add(i32& target, bool v) const { return atomicAdd(&target, static_cast<i32>(v)); }

    // How many lanes before this one say yes; `all`: how many there are.
    RS_FN i32 rank(bool yes, i32& all) const {
        const u32 votes = __ballot_sync(EVERY_LANE, yes);
        i32 before = __popc(votes & ((1u << threadIdx.x % WARP) - 1));
        all = __popc(votes);
        if (size == WARP) return before;
        if (threadIdx.x % WARP == 0) partial[threadIdx.x / WARP] = static_cast<u64>(all);
        __syncthreads();
        all = 0;
        for (i32 w = 0; w < size / WARP; ++w) {
            if (w == static_cast<i32>(threadIdx.x / WARP)) before += all;
            all += static_cast<i32>(partial[w]);
        }
        __syncthreads();  // the next rank or sum writes there again
        return before;
    }
};

// All threads of a launch, for counting into one histogram: they cannot wait for each other.
struct Grid {
    RS_FN i32 lane() const { return static_cast<i32>(blockIdx.x * blockDim.x + threadIdx.x); }
    RS_FN i32 lanes() const { return static_cast<i32>(gridDim.x * blockDim.x); }
    template <class T>
    RS_FN T add(T& target, T v) const { return atomicAdd(&target, v); }
};

}  // namespace rs
