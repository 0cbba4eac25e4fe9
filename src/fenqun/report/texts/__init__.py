"""Texts of the report in English and Chinese, by subject and key."""
