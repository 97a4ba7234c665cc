// Sharing work among threads on the CPU.
#pragma once

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

// GCC makes two versions of a function and the loader takes the one that suits the machine; without contraction into
// fused multiply-adds both give the same bits.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && !defined(RADSTORE_SANITIZE)
#define RS_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define RS_WIDE
#endif

namespace rs {

using i64 = long long;

// Run work(item, scratch) for every item on up to `threads` threads, each with what make() gives it.
template <class Make, class Work>
void share(i64 items, int threads, const Make& make, const Work& work) {
    std::vector<decltype(make())> scratch;  // made here, so that running out of memory is an exception
    for (i64 t = 0; t < std::min<i64>(std::max(1, threads), items); ++t) scratch.push_back(make());
    if (scratch.empty()) return;
    std::atomic<i64> next{0};
    const auto loop = [&](size_t t) {
        for (i64 item = next++; item < items; item = next++) work(item, scratch[t]);
    };
    std::vector<std::thread> others;
    for (size_t t = 1; t < scratch.size(); ++t) {
        try {
            others.emplace_back(loop, t);
        } catch (const std::system_error&) {
            break;  // the machine gives no more threads: those there are share the work
        }
    }
    loop(0);
    for (auto& thread : others) thread.join();
}

}  // namespace rs
