"""The running topology: containers up and down, agents in them, listeners on the servers.

``checkout`` names things, ``topology`` starts and removes containers, ``link`` talks to one agent,
``session`` offers what a run needs: one attempt in, one observation out.
"""
