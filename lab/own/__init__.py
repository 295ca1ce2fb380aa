"""People's own files as the input of an attempt: mt-config.cgi, a server's configuration, a backend, PEM.

Every reader is a pure function: text in, settings out, with findings that name file and line. It reads
what the program itself would make of the file, mistakes included; what cannot be read at all is an
:class:`~lab.own.findings.InputError`. ``attempt`` puts the readers and the command line together, ``files``
reads any file that a person names within bounds, ``judged`` says what an attempt can tell of a person's
certificate.
"""
