"""The isolated batch grader: `python -m helpers.grading submissions/ --out grades.csv` (docs/instructors.md).

intake.py    a submitted notebook → its cells and answers, whatever state it is in
sandbox.py   a process that can do nothing but compute, and what is said to it
worker.py    what runs in there: the learner's cells, then calls of the learner's functions
wire.py      what travels between the two: plain data as length-prefixed JSON
grader.py    the trusted side: the same check as in the notebook, with the functions in the sandbox
batch.py     many submissions: jobs, a cluster, the journal that an interrupted batch goes on from
report.py    rows → CSV, JSON, a page of feedback each, a summary of the class
private.py   each student's own numbers, drawn from a secret, and known again in what comes back
bridge.py    the same scores in nbgrader's gradebook

The rest of `helpers` never imports this: it needs processes, and the course also runs in a browser.
"""
