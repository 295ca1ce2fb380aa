"""The images of the lab: made where they are missing, reused where they are not.

An image has a name (``rocky9``), a recipe (``compose/images/rocky9``) and, on the engine, a tag
that is the hash of its recipe and of everything that goes into it. So a second run finds what the
first one made, any change makes a new image, and two checkouts with different recipes do not
disturb each other. Every image carries its provenance in a label; docs/images.md has the rest.

:class:`ImageStore` (``store``) is the way in. The modules, in the order in which an image comes
about:

1. ``recipe`` (what an image is made of; its hash and tag);
2. ``making`` (by which route, on which base, several at the same time, from the start to the end);
3. ``sources`` (where its parts come from), ``build`` (what the engine does), ``provenance`` (the
   statement in its label, and what has moved since the expectations were last seen to hold);
4. ``archive`` (all images as one file).

``errors`` is how an operator is told.
"""
