"""Jobs: records that last, a queue that loses nothing, live state, and the dispatcher that works through them."""
