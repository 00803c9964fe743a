"""Tests that need bubblewrap and processes: `make grading`. They fail where there is no sandbox."""
