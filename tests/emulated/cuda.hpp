// The part of CUDA that our kernels use, on the CPU: a .cu file included after this header is a shared library.
//
// Blocks run one after the other. The threads of a block are fibers that take turns (the default: quick, and always in
// the same order) or, with RS_THREADS, threads of the operating system, so that ThreadSanitizer sees races and missing
// barriers. A barrier that not all threads of its group reach stops the program with a message.
#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <math.h>

#define __device__
#define RS_KERNEL extern "C" void
#define RS_WINDOWS RS_KERNEL
#define RS_REGION RS_KERNEL
#define RS_SHARED                                      \
    unsigned char* const shared = emulated::shared();  \
    rs::u64* const partial = emulated::block->partial;
#define RS_PEEK(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define RS_POKE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)

struct Index {
    unsigned x = 0, y = 0, z = 0;
};
inline Index blockIdx, blockDim, gridDim;
inline thread_local Index threadIdx;

namespace emulated {

constexpr unsigned WARP = 32;
constexpr size_t STACK = 256 << 10;

[[noreturn]] inline void stop(const char* why) {
    std::fprintf(stderr, "emulated CUDA: %s\n", why);
    std::abort();
}

// What a barrier and the shuffles of one group of threads (a warp or the block) need.
struct Group {
    unsigned size = 0, arrived = 0, generation = 0;
    unsigned long long slot[2][WARP] = {};
    std::mutex mutex;
    std::condition_variable all_here;
};

struct Fiber {
    jmp_buf at;
    ucontext_t start;
    std::unique_ptr<char[]> stack{new char[STACK]};
    bool begun = false, done = false;
};

struct Block {
    std::vector<std::unique_ptr<Group>> warps;
    Group all;
    unsigned long long partial[32] = {};
    std::vector<double> memory;
};

inline Block* block = nullptr;
inline std::vector<Fiber> fibers;
inline jmp_buf scheduler;
inline unsigned running = 0;
inline bool progress = false;
inline void (*body)(void*) = nullptr;
inline void* body_argument = nullptr;
inline thread_local unsigned phase = 0;  // of the shuffles, with RS_THREADS
inline std::vector<unsigned> phases;     // … and of each fiber

inline unsigned char* shared() { return reinterpret_cast<unsigned char*>(block->memory.data()); }

inline unsigned& my_phase() {
#ifdef RS_THREADS
    return phase;
#else
    return phases[threadIdx.x];
#endif
}

inline void yield() {
    Fiber& me = fibers[running];
    if (!_setjmp(me.at)) _longjmp(scheduler, 1);
}

inline void wait(Group& group) {
#ifdef RS_THREADS
    std::unique_lock<std::mutex> lock(group.mutex);
    const unsigned generation = group.generation;
    if (++group.arrived == group.size) {
        group.arrived = 0;
        ++group.generation;
        group.all_here.notify_all();
    } else if (!group.all_here.wait_for(lock, std::chrono::seconds(60), [&] { return group.generation != generation; })) {
        stop("a barrier that not all threads reach");
    }
#else
    const unsigned generation = group.generation;
    progress = true;
    if (++group.arrived == group.size) {
        group.arrived = 0;
        ++group.generation;
        return;
    }
    while (group.generation == generation) yield();
#endif
}

inline Group& my_warp() { return *block->warps[threadIdx.x / WARP]; }

// All lanes give a value; get(slots) reads them.
template <class T, class Get>
auto exchange(T value, const Get& get) {
    static_assert(sizeof(T) <= 8, "a register pair");
    Group& warp = my_warp();
    unsigned long long* const slot = warp.slot[my_phase() ^= 1];  // two in turn: nobody writes while others still read
    std::memcpy(&slot[threadIdx.x % WARP], &value, sizeof(T));
    wait(warp);
    return get(slot);
}

inline void fiber_main() {
    body(body_argument);
    Fiber& me = fibers[running];
    me.done = progress = true;
    _longjmp(scheduler, 1);
}

inline void run_block_of_fibers() {
    const unsigned n = blockDim.x;
    if (fibers.size() < n) fibers.resize(n);
    phases.assign(n, 0);
    for (unsigned t = 0; t < n; ++t) fibers[t].begun = fibers[t].done = false;
    for (unsigned left = n; left;) {
        progress = false;
        for (unsigned t = 0; t < n; ++t) {
            Fiber& f = fibers[t];
            if (f.done) continue;
            running = t;
            threadIdx.x = t;
            if (!_setjmp(scheduler)) {
                if (f.begun) _longjmp(f.at, 1);
                f.begun = true;
                getcontext(&f.start);
                f.start.uc_stack.ss_sp = f.stack.get();
                f.start.uc_stack.ss_size = STACK;
                f.start.uc_link = nullptr;
                makecontext(&f.start, fiber_main, 0);
                setcontext(&f.start);
            }
            if (fibers[running].done) --left;
        }
        if (left && !progress) stop("a barrier that not all threads reach");
    }
}

inline void run_block_of_threads() {
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < blockDim.x; ++t) {
        threads.emplace_back([t] {
            threadIdx.x = t;
            phase = 0;
            body(body_argument);
        });
    }
    for (auto& thread : threads) thread.join();
}

template <class... A, size_t... I>
void launch(void (*kernel)(A...), void** arguments, const unsigned* grid, const unsigned* threads, size_t shared_bytes,
            std::index_sequence<I...>) {
    auto call = [&] { kernel(*static_cast<std::remove_const_t<A>*>(arguments[I])...); };
    body = [](void* c) { (*static_cast<decltype(call)*>(c))(); };
    body_argument = &call;
    gridDim = {grid[0], grid[1], 1};
    blockDim = {threads[0], 1, 1};
    if (blockDim.x % WARP || blockDim.x > 1024) stop("a block that is not of whole warps");
    for (blockIdx.y = 0; blockIdx.y < gridDim.y; ++blockIdx.y) {
        for (blockIdx.x = 0; blockIdx.x < gridDim.x; ++blockIdx.x) {
            Block here;
            here.all.size = blockDim.x;
            for (unsigned w = 0; w < blockDim.x / WARP; ++w) {
                here.warps.push_back(std::make_unique<Group>());
                here.warps.back()->size = WARP;
            }
            here.memory.assign(shared_bytes / 8 + 1, -1e300);  // shared memory begins with anything
            block = &here;
#ifdef RS_THREADS
            run_block_of_threads();
#else
            run_block_of_fibers();
#endif
        }
    }
}

template <class... A>
void launch(void (*kernel)(A...), void** arguments, const unsigned* grid, const unsigned* threads, size_t shared_bytes) {
    launch(kernel, arguments, grid, threads, shared_bytes, std::index_sequence_for<A...>());
}

}  // namespace emulated

inline void __syncthreads() { emulated::wait(emulated::block->all); }
inline void __syncwarp() { emulated::wait(emulated::my_warp()); }

template <class T>
T __shfl_xor_sync(unsigned, T value, int away) {
    return emulated::exchange(value, [&](const unsigned long long* slot) {
        T other;
        std::memcpy(&other, &slot[threadIdx.x % 32 ^ static_cast<unsigned>(away)], sizeof(T));
        return other;
    });
}

inline unsigned __ballot_sync(unsigned, bool yes) {
    return emulated::exchange(static_cast<int>(yes), [](const unsigned long long* slot) {
        unsigned votes = 0;
        for (unsigned lane = 0; lane < 32; ++lane) {
            int vote;
            std::memcpy(&vote, &slot[lane], sizeof(int));
            votes |= static_cast<unsigned>(vote != 0) << lane;
        }
        return votes;
    });
}

inline int __popc(unsigned v) { return __builtin_popcount(v); }

template <class T, class Change>
T exchange_at(T* at, const Change& change) {
    T before, after;
    __atomic_load(at, &before, __ATOMIC_RELAXED);
    do {
        after = change(before);
    } while (!__atomic_compare_exchange(at, &before, &after, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return before;
}
template <class T>
T atomicAdd(T* at, T v) { return exchange_at(at, [&](T before) { return before + v; }); }
template <class T>
T atomicMin(T* at, T v) { return exchange_at(at, [&](T before) { return v < before ? v : before; }); }
template <class T>
T atomicMax(T* at, T v) { return exchange_at(at, [&](T before) { return v > before ? v : before; }); }

#define RS_EXPORT(kernel)                                                                                     \
    extern "C" void launch_##kernel(void** arguments, const unsigned* grid, const unsigned* threads, size_t shared_bytes) { \
        emulated::launch(&kernel, arguments, grid, threads, shared_bytes);                                    \
    }
