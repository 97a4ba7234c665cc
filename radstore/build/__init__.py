"""Building a store: plan what is missing, compute it on Dask, commit it.

digests    what lies in a file, without decoding it
job        what is done to a case, and the keys that follow
plan       what is done, to do, and known to fail
needs      memory and disk it will take
devices    the CUDA devices there are, or why none
crew       which processes work: on CPUs, or one a GPU with readers
hire       how many of them fit this machine
nannies    those processes as Dask wants them described
cluster    a Dask cluster of them, or one that exists
muster     whether its workers can run the tasks at all
work       one case, in a worker: read, compute, write
parcel     its image and mask on the way to a GPU
assemble   a block from earlier columns and computed ones
outcome    what became of it
flight     many cases on Dask, and workers that die
run        a whole plan, with commits
api        `build`, from files to a report
check      what would run and what would be refused, and what the features are worth
guard      a short form of that before a large build
"""

from radstore.build.api import BuildReport, build
from radstore.build.run import Progress

__all__ = ["BuildReport", "Progress", "build"]
