"""The course as a static site: pages to read (`pages`), and JupyterLite to run it (`live`).

python -m tools.web wheels            # once, online: what the live course needs from PyPI
python -m tools.web build site        # offline, some minutes
python -m tools.web build site --only 02_initialization     # all pages, but only this lesson is executed
"""
