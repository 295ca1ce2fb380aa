"""The parts of the image system, one job each; :mod:`lab.images` puts them together.

``recipe`` (what an image is made of) -> ``artifacts``, ``bootstrap``, ``registry`` (where its parts
come from) -> ``context`` and ``build`` (made by the engine) -> ``measure`` (what is really in it)
-> ``provenance`` (the statement that every image carries).
"""
