"""The recording at rest: object keys, stores, documents and the BRTP dump format. Knows no codec and no pixel."""
