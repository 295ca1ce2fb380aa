"""The third witness: what an attempt looked like on the lab's network.

Pure: packets in, a file that Wireshark opens and a reading out. ``lab/agents/capture.py`` keeps the
packets, ``docs/wire.md`` says what the reading means::

    packets      what the agent beside the server kept of an attempt; the same as a file (pcapng), with the
                 streams      connections: who said what when, and who ended it
    ftp, tls     what of that is FTP in clear text, and TLS, with alerts that only the key log opens
    reading      the whole, and whom it shows to have refused
    witnesses    client, server and wire: whom does each name?
"""
