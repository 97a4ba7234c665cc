"""The store: immutable, content-addressed Zarr blocks with a small log of versions on top.

bucket    bytes under a path: what the store needs of a place
local     a folder, durable
remote    an object store
complete  no Zarr chunk is missing unnoticed
layout    where everything lies; the format marker
blocks    a case's arrays as one immutable Zarr group, named by an exclusively created pointer
manifest  which block each case has under each name, in 256 shared shards
merge     what happens when two builders meet
log       commits and tags
regions   masks that models predicted, kept beside those that builds read
kept      such a mask on its way into a computation
lease     who is using what, so that gc spares it
gc        expire old versions, delete what nothing names any more
query     a pinned, read-only view in xarray
"""
