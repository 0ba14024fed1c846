"""The door: HTTP and gRPC, who may do what, jobs and their progress, over the farm."""
