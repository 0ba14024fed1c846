"""Layout, timeline, pixels and sound as pure functions. No files, no codecs, no clock, no environment."""
