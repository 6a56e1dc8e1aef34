"""Run by its path, in an interpreter of another start method that has yet to be told where this package lies: from then on it is found there."""

import os
import sys

_folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if _folder not in sys.path:
    sys.path.append(_folder)
