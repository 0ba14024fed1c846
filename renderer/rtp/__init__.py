"""RTP: packets to access units on recording time. Sans-I/O; knows payload formats, no decoder."""
