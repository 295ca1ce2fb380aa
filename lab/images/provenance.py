"""What an image says of itself: where it comes from, what in it is real and what is not."""

from __future__ import annotations

import datetime

from pydantic import BaseModel, ConfigDict, Field

LABEL_IMAGE = "test.lab.image"
LABEL_SOURCE = "test.lab.source"
LABEL_STAND_IN = "test.lab.stand-in"
LABEL_RECIPE = "test.lab.recipe"
LABEL_PROVENANCE = "test.lab.provenance"


class Provenance(BaseModel):
    """The statement that every image carries in a label and that every record repeats.

    Versions were measured by running the finished image once, not copied from the recipe.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str = Field(description="name of the image in the lab, for example rocky9")
    source: str = Field(description="registry or packages")
    stand_in: bool = Field(description="true when it only stands in for the distribution named")
    os: str = Field(description="PRETTY_NAME of the image's own os-release")
    tls_library: str | None = Field(
        default=None, description="TLS library of the programs under test, with its build"
    )
    packages: dict[str, str] = Field(
        default_factory=dict, description="version by package, program or module"
    )
    crypto_policies: tuple[str, ...] = Field(
        default=(), description="crypto policies that a container of it can be started with"
    )
    real: tuple[str, ...] = Field(default=(), description="what is the distribution's own")
    not_real: tuple[str, ...] = Field(default=(), description="what is not, or not there")
    fallback_reason: str | None = Field(
        default=None, description="why the packages were used although a registry was allowed"
    )
    digest: str | None = Field(
        default=None, description="registry digest of the distribution image it is built on"
    )
    recipe: str = Field(description="hash over the recipe and everything that goes into it")
    id: str = Field(default="", description="the image's id on the engine, known when it is read")
    built_at: datetime.datetime = Field(description="when it was finished, UTC")

    def label(self) -> str:
        """The text of the label. The id is left out: an image cannot contain its own id."""
        return self.model_dump_json(exclude={"id"}, exclude_none=True)

    def labels(self) -> dict[str, str]:
        """All labels of the finished image; the others are for those who look for images."""
        return {
            LABEL_IMAGE: self.image,
            LABEL_SOURCE: self.source,
            LABEL_STAND_IN: str(self.stand_in).lower(),
            LABEL_RECIPE: self.recipe,
            LABEL_PROVENANCE: self.label(),
        }

    @classmethod
    def read(cls, label: str, *, image_id: str) -> Provenance:
        """What a label says, completed with the id of the image that carries it.

        Raises:
            pydantic.ValidationError: the label was not written by this version of the lab.
        """
        return cls.model_validate_json(label).model_copy(update={"id": image_id})

    def summary(self) -> str:
        """One line for a person: never names a stand-in without saying that it is one."""
        kind = f"stand-in on {self.os}" if self.stand_in else self.os
        library = f", {self.tls_library}" if self.tls_library else ""
        return f"{self.image}: {kind} (from the {self.source}){library}"
