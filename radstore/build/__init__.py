"""Building a store: plan what is missing, compute it on Dask, commit it.

digests    what lies in a file, without decoding it
job        what is done to a case, and the keys that follow
plan       what is done, to do, and known to fail
needs      memory and disk it will take
work       one case, in a worker
assemble   a block from earlier columns and computed ones
cluster    many cases on Dask, and workers that die
run        a whole plan, with commits
api        `build`, from files to a report
check      what would run and what would be refused
"""

from radstore.build.api import BuildReport, build
from radstore.build.run import Progress

__all__ = ["BuildReport", "Progress", "build"]
