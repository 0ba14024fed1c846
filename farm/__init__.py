"""Distribution: what to render, where, and how it is put together. The only room that knows Dask."""
