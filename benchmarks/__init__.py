"""Side-by-side timings of batch normalization: what was timed, in which unit, where and when."""
