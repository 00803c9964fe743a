"""The learner's progress: what was answered, tried and solved, kept in one file on the learner's machine."""
