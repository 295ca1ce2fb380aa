"""TLS on the wire, as far as it is needed to ask both ends what they would agree to.

Pure: bytes in, facts out, and the other way. Nothing here connects or encrypts.
"""
