"""Measures of speed and quality against ffmpeg, and the recordings that they need."""
