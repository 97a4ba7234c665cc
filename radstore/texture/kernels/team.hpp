// Who works on a window together: one thread on the CPU, lanes that share it on the GPU.
//
// The formulas are written for a team of any size: a loop takes every `lanes()`-th element from `lane()` on, partial
// sums are added over the lanes, and what several lanes write is added atomically. For `Alone` all of this is the
// plain serial loop. A team offers
//
//     lane(), lanes()          which of how many
//     sync()                   wait for the others, and see what they wrote
//     sum(v) least(v) most(v)  over all lanes; every lane gets the same bits
//     add(target, v)           atomically; what was there before
#pragma once

#include "common.hpp"

namespace rs {

struct Alone {
    RS_FN static constexpr i32 lane() { return 0; }
    RS_FN static constexpr i32 lanes() { return 1; }
    RS_FN void sync() const {}
    template <class T>
    RS_FN T sum(T v) const { return v; }
    template <class T>
    RS_FN T least(T v) const { return v; }
    template <class T>
    RS_FN T most(T v) const { return v; }
    template <class T>
    RS_FN T add(T& target, T v) const {
        const T before = target;
        target += v;
        return before;
    }
};

// Where a team's features go: `put(feature, value)`. All lanes call it with the same value.
//
// One row of features:
template <class Team>
struct Row {
    const Team& team;
    double* out;

    RS_FN void operator()(i32 feature, double value) const {
        if (team.lane() == 0) out[feature] = value;
    }
};

// The mean over the directions in which a feature is defined.
template <class Team>
struct Means {
    const Team& team;
    AngleMean* mean;  // a feature

    RS_FN void operator()(i32 feature, double value) const {
        if (team.lane() == 0) mean[feature].add(value);
    }
    RS_FN void clear(i32 features) const {
        for (i32 f = team.lane(); f < features; f += team.lanes()) mean[f] = AngleMean();
        team.sync();
    }
    RS_FN void write(i32 features, double* out) const {
        team.sync();
        for (i32 f = team.lane(); f < features; f += team.lanes()) out[f] = mean[f].mean();
    }
};

}  // namespace rs
