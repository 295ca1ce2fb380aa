"""Reports: what a record says, for people. They read the record and nothing else.

``words`` turns parts of a record into plain text; ``terminal`` lays that out.
"""
