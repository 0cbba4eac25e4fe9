"""After any recommender: what may be listed, lists that are not all alike, items that are not everywhere."""
