"""What a browser runs: modules of JavaScript and one style sheet, and their hosts in Python."""
