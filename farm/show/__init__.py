"""How results look in a notebook: HTML and SVG as text, from values alone. No media, no clock, no Dask."""
