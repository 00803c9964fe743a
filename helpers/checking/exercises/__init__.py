"""The graded exercises: one module a chapter, each with a list EXERCISES."""
