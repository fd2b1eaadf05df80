"""ClusterStorageContainer (serving.kserve.io/v1alpha1): the container that downloads models from some kinds of URI."""

from typing import Annotated

from pydantic import Field

from kservectl.api.core import Core
from kservectl.api.model import ApiModel, Resource
from kservectl.objects import linear_regex
from kservectl.objects.metadata import Object

INIT_CONTAINER = "initContainer"
LOCAL_MODEL_DOWNLOAD_JOB = "localModelDownloadJob"


class SupportedUriFormat(ApiModel):
    """A beginning of URIs or, if there is none, a regular expression to be found in them."""

    prefix: str | None = None
    regex: str | None = None

    def matches(self, uri: str) -> bool:
        """Whether this entry covers `uri`; a regular expression that does not compile covers nothing."""
        if self.prefix:
            return uri.startswith(self.prefix)
        if not self.regex:
            return False
        try:
            return linear_regex.search(self.regex, uri)
        except linear_regex.InvalidPattern:
            return False


class StorageContainerSpec(ApiModel):
    """The container, and when it is used."""

    container: Annotated[Object, Core("V1Container")]
    supported_uri_formats: list[SupportedUriFormat]
    workload_type: Annotated[str, Field(json_schema_extra={"default": INIT_CONTAINER})] | None = None
    supports_multi_model_download: Annotated[bool, Field(json_schema_extra={"default": False})] | None = None

    @property
    def effective_workload_type(self) -> str:
        return self.workload_type or INIT_CONTAINER

    def covers(self, uri: str) -> bool:
        return any(entry.matches(uri) for entry in self.supported_uri_formats)


class ClusterStorageContainer(Resource):
    """A downloader for the whole cluster."""

    spec: StorageContainerSpec
    disabled: bool | None = None
