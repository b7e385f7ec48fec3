"""Fields that stand inside a text: bylines, credits, datelines; `edges.py` takes them off a text's ends."""
