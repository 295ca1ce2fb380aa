"""The running topology: containers up and down, agents in them, listeners on the servers.

``checkout`` names things, ``topology`` starts and removes containers. ``session`` offers what a run
needs: one attempt in, one observation out. It is put together from

- the containers: ``containers`` finds them by service, ``equipment`` puts ``files`` into them;
- the agents: ``agents`` says which runs where, ``link`` talks to one;
- one attempt: ``feasibility`` says whether it can be tried here, ``listeners`` starts servers for it,
  ``request`` is what its client is asked for, ``capture`` is what the network had of it;
- the suites of both ends: ``offers`` asks one end, ``offer_cache`` each end once a run, ``scanner``
  asks ``sslscan``.

``once`` holds values that are made on first use.
"""
