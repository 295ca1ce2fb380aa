"""The training room: a case told step by step, a quiz, and a shell beside the clients.

What is shown is read from rows of a record, which here are made while the first steps are on the screen::

    source    the rows of one case: from a record, or from a run that is under way
    live      that run: the laboratory opened, the attempts made side by side in the background
    guess     the candidates that a class guesses among, and why each of the others is not it
    diagram   what happened between both ends as a sequence of text
    demo      a case in nine steps
    screen    pages of a terminal, pauses and answers
    words     the texts of ``words.toml`` in both languages
"""
