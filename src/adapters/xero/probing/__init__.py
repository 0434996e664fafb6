"""
Finding out about Xero what its documentation leaves open.

`asker` asks and keeps of an answer only what `shapes` leaves of it; `facts` says what is asked and what this
service takes for true; `probe` does it all.
"""
