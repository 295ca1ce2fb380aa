"""An installed lab has its containers and its cases with it: in ``lab/_data``."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class WithData(build_py):
    """Builds the package; of an editable one the folders stay where they are."""

    def run(self) -> None:
        """Copy the folders beside what setuptools copies."""
        super().run()
        for name in () if self.editable_mode else ("compose", "scenarios"):
            target = Path(self.build_lib, "lab", "_data", name)
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(name, target, ignore=shutil.ignore_patterns("__pycache__"))


setup(cmdclass={"build_py": WithData})
