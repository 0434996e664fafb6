"""
The consent flow from one's own machine: what the main platform does for a clinic, for trying a Xero app.

`asking` makes the authorise request, `redirect` catches Xero's answer on localhost, `flow` goes from there to
the service's word that the clinic is connected.
"""
