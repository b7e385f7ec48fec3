"""Plain text of a page to the drafts of its articles; `page.py` says the order of the work."""
