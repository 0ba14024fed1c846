"""Media: from raw RTP to pictures and samples on recording time, and from canvases to MP4."""
