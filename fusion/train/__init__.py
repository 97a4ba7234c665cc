"""A training around its trainer: what is checked, set, laid out, saved and continued."""
