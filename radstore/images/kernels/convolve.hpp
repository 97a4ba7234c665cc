// Periodic convolution along one axis of a volume on the CPU; see taps.hpp for the sum.
#pragma once

#include "lines.hpp"
#include "taps.hpp"

namespace rs {

// out[k] = Σ factor[j] · from[j][k] for k < count, in the order of j.
template <class T>
RS_WIDE void weighted_rows(int length, const T* const* from, const T* factor, i64 count, T* out) {
    constexpr i64 LANES = 64 / sizeof(T);
    i64 k = 0;
    for (; k + LANES <= count; k += LANES) {
        T sum[LANES] = {};
        for (int j = 0; j < length; ++j) {
            for (i64 l = 0; l < LANES; ++l) sum[l] += from[j][k + l] * factor[j];
        }
        for (i64 l = 0; l < LANES; ++l) out[k + l] = sum[l];
    }
    for (; k < count; ++k) {
        T sum = 0;
        for (int j = 0; j < length; ++j) sum += from[j][k] * factor[j];
        out[k] = sum;
    }
}

template <class T>
struct RowsToWeigh {
    std::vector<const T*> from;
    std::vector<T> factor, wrapped;
    RowsToWeigh(int length, i64 line) : from(length), factor(length), wrapped(line + length) {}
};

// Along x: one line is read at `length` shifts.
template <class T>
void convolve_row(const Taps& t, const T* taps, const T* in, T* out, RowsToWeigh<T>& scratch) {
    const i64 body = std::max<i64>(0, t.n - t.half()), before = t.length - 1 - t.half();
    for (i64 i = 0; i < before; ++i) scratch.wrapped[i] = in[t.place(i - before - t.half(), 0)];
    std::copy(in, in + t.n, scratch.wrapped.begin() + before);
    for (int j = 0; j < t.length; ++j) {
        scratch.from[j] = scratch.wrapped.data() + before + t.half() - j;
        scratch.factor[j] = taps[j];
    }
    weighted_rows(t.length, scratch.from.data(), scratch.factor.data(), body, out);
    for (i64 i = body; i < t.n; ++i) {
        T sum = 0;
        for (int step = 0; step < t.length; ++step) {
            const int tap = t.tap(i, step);
            sum += in[t.place(i, tap)] * taps[tap];
        }
        out[i] = sum;
    }
}

// Along another axis: `count` adjacent lines, whose samples are `step` apart.
template <class T>
void convolve_across(const Taps& t, const T* taps, const T* in, T* out, i64 step, i64 count, RowsToWeigh<T>& scratch) {
    for (i64 i = 0; i < t.n; ++i) {
        for (int j = 0; j < t.length; ++j) {
            const int tap = t.tap(i, j);
            scratch.from[j] = in + t.place(i, tap) * step;
            scratch.factor[j] = taps[tap];
        }
        weighted_rows(t.length, scratch.from.data(), scratch.factor.data(), count, out + i * step);
    }
}

template <class T>
void convolve(const T* in, const Shape& s, const T* taps, int length, int axis, T* out, int threads) {
    const i64 plane = s.plane();
    const Taps t{axis == 0 ? s.z : axis == 1 ? s.y : s.x, length};
    const auto make = [&] { return RowsToWeigh<T>(length, s.x); };
    share(axis == 0 ? s.y : s.z, threads, make, [&](i64 item, RowsToWeigh<T>& scratch) {
        if (axis == 0) return convolve_across(t, taps, in + item * s.x, out + item * s.x, plane, s.x, scratch);
        const T* from = in + item * plane;
        T* to = out + item * plane;
        if (axis == 1) return convolve_across(t, taps, from, to, s.x, s.x, scratch);
        for (i64 y = 0; y < s.y; ++y) convolve_row(t, taps, from + y * s.x, to + y * s.x, scratch);
    });
}

}  // namespace rs
