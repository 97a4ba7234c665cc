// The mean over directions: of the rows that are defined.
#include "windows.cuh"

using namespace rs;

// A thread a feature, the directions in turn.
RS_KERNEL direction_means(const double* rows, i32 directions, i32 features, double* out) {
    for (i32 f = Grid{}.lane(); f < features; f += Grid{}.lanes()) {
        AngleMean mean;
        for (i32 a = 0; a < directions; ++a) mean.add(rows[a * features + f]);
        out[f] = mean.mean();
    }
}
