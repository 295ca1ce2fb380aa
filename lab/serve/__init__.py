"""``lab serve``: servers and origins that stay, for people's own clients and browsers.

What there is to serve follows from what the lab has (:mod:`lab.serve.names`). The servers run where all
servers of the lab run, in its sealed network; :mod:`lab.serve.relay` carries each connection of a port of
this host to one of them. :mod:`lab.serve.serving` opens all that, and closes it again.
"""
