"""The endpoints, one file for each noun: what they take, whom they ask, what they answer. No logic of their own."""
