"""Times as pages print them: absolute (`dates.py`), relative (`ages.py`), on lines of their own (`time_lines.py`)."""
