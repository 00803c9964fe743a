"""The course as a static site: pages to read (`pages`), and JupyterLite to run it (`live`).

python -m tools.web wheels            # once, online: what the live course needs from PyPI
python -m tools.web build site        # offline; with --unexecuted in seconds, and without any picture
"""
