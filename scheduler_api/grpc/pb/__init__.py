"""Generated from proto/ by scripts/generate_grpc.py; not edited by hand."""
