"""What end-to-end tests share: the engine, the images, copies of the checkout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from docker import DockerClient

from lab.host.engine import EngineError, find
from lab.images.errors import ImageError, Progress
from lab.run.checkout import Checkout
from lab.run.laboratory import Lab, ensure_images, image_store, open_lab
from tests.e2e.checkouts import Copy

MakeCopy = Callable[[], Copy]


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerClient]:
    """The engine of this machine; end-to-end tests are nothing without one."""
    try:
        client = find()
    except EngineError as error:
        pytest.fail(
            f"end-to-end tests need a container engine (`make unit` runs those that do not):\n{error}",
            pytrace=False,
        )
    yield client
    client.close()


@pytest.fixture(scope="session")
def images(engine: DockerClient) -> None:
    """All images, made in this checkout's own state directory: copies find them on the engine."""
    try:
        ensure_images(image_store(engine, Checkout.here(), Progress()))
    except ImageError as error:
        pytest.fail(f"end-to-end tests need the images:\n{error}", pytrace=False)


@pytest.fixture(scope="session")
def laboratory(images: None) -> Iterator[Lab]:
    """One lab with every container, for tests that leave its session and its agents as they were."""
    with open_lab(progress=Progress()) as opened:
        yield opened


@pytest.fixture(scope="session")
def shared(
    engine: DockerClient, images: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Copy]:
    """A copy with a topology that is up, for tests that leave it as it was."""
    copy = Copy(tmp_path_factory.mktemp("shared") / "checkout")
    try:
        done = copy.lab("up")
        assert done.status == 0, str(done)
        yield copy
    finally:
        copy.clean(engine)


@pytest.fixture
def make_copy(
    engine: DockerClient, images: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeCopy]:
    """Makes copies for one test; whatever happens, nothing of them is left."""
    with ExitStack() as stack:

        def make() -> Copy:
            made = Copy(tmp_path_factory.mktemp("copy") / "checkout")
            stack.callback(made.clean, engine)
            return made

        yield make


@pytest.fixture
def copy(make_copy: MakeCopy) -> Copy:
    """One copy, for a test that breaks something."""
    return make_copy()
