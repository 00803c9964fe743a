"""What a browser runs: one module of JavaScript and one style sheet, and their hosts in Python."""
