"""
What the service does, without how: pure Python, standard library only.

Start with `application.py` (one line per use case), read one file of `use_cases/`, then `ports.py`.
"""
