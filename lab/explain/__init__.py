"""What a line of text means: the door for whoever has only the message.

The room rests on the dialects. What a program of the lab says is heard with the words of its own folder; what
libraries and programs say that the lab does not run is in ``words/clients`` and ``words/servers``, a file
each in the same form. ``meanings.toml`` has the texts with several causes, and what tells these apart.
``docs/explain.md`` describes it.
"""
