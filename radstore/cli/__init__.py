"""The command line. One module a group of verbs; each verb is one function of the Python API.

To add a verb: a function in the module of its group (or a new module), registered in `app.py`.
"""

from radstore.cli.main import main

__all__ = ["main"]
