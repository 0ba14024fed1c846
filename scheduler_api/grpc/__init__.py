"""The gRPC side of the door: tokens verified for another process, recordings registered by their service."""
