"""The intent block: a sequence encoder over events, which says what a user does next."""
