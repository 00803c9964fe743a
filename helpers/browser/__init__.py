"""What a browser runs: one module of JavaScript and one style sheet; and what hosts them, a notebook or a page."""
