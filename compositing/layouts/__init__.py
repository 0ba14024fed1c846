"""The arrangements: one file each, registered by name."""
