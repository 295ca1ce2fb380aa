"""Attempts in containers: from a plan to results, and what has to be there for that.

- ``laboratory`` opens the lab for a run: images, a topology (``topology``, in its ``network``),
  certificates, a session. ``checkout`` names what belongs to this working copy.
- ``session`` is one run's use of a topology: an attempt in, its result out. It is put together from the
  ``containers`` and the files in them, the ``agents`` there and the ``link`` to each, and the ``listeners``.
- ``attempts`` makes and judges the attempts of a plan, ``recording`` writes them down.
- What the builds can do is asked by ``offers`` (compared by ``suites``); ``scan`` has
  ``sslscan`` ask.
- ``pytest_items`` are cases as items of pytest.
"""
