"""Who may do what: user tokens, the access table, single-use composition tokens, signed media links."""
