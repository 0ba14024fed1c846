"""The recording at rest: object keys, stores, documents, the BRTP format. Knows no codec and no pixel."""
