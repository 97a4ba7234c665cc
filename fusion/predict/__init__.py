"""From a CT to candidates and a score: the chain of models, the sliding window, what is written."""
