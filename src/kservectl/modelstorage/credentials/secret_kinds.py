"""What a Secret is good for, told by its keys.

A Secret with the keys of several kinds is good for all of them. Keys count when they are there, even empty ones.
"""

from collections.abc import Collection, Iterator

from kservectl.api.config_keys import Credentials
from kservectl.modelstorage.credentials import s3, secret_data
from kservectl.modelstorage.credentials.grant import Grant, from_secret
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

_AZURE = (
    ("AZURE_SUBSCRIPTION_ID", "AZ_SUBSCRIPTION_ID"),
    ("AZURE_TENANT_ID", "AZ_TENANT_ID"),
    ("AZURE_CLIENT_ID", "AZ_CLIENT_ID"),
    ("AZURE_CLIENT_SECRET", "AZ_CLIENT_SECRET"),
    ("AZURE_STORAGE_ACCESS_KEY", ""),
    ("AZURE_ACCESS_TOKEN", ""),
    ("AZURE_ACCESS_EXPIRES_ON_SECONDS", ""),
    ("AZURE_ACCOUNT_NAME", ""),
    ("AZURE_SERVICE_URL", ""),
)
"""Variables of Azure's, each with the legacy key that goes before the key of its own name."""

_AZURE_IDENTITIES = frozenset({"AZ_CLIENT_ID", "AZURE_CLIENT_ID", "AZURE_ACCESS_TOKEN"})
_AZURE_ACCESS_KEY = "AZURE_STORAGE_ACCESS_KEY"
_AZURE_TENANT = "AZURE_TENANT_ID"

_GCS_VOLUME = "user-gcp-sa"
_GCS_FOLDER = "/var/secrets/"
_HDFS_VOLUME = "hdfs-secrets"
_HDFS_FOLDER = "/var/secrets/kserve-hdfscreds"
_HTTPS_HOST = "https-host"
_HTTPS_HEADERS = "headers"
_TOKENS = ("HF_TOKEN", "MODELSCOPE_API_TOKEN")


def grants(secret: Object, config: Credentials) -> Iterator[tuple[str, Grant]]:
    """What `secret` gives, each with the kind of it. Of one kind a container has use for one only."""
    keys = secret_data.keys(secret)
    if config.s3.secret_access_key_name in keys:
        yield "s3", s3.secret_grant(secret, config.s3)
    if config.gcs.file_name in keys:
        yield "gcs", _gcs(secret, config.gcs.file_name)
    if _AZURE_IDENTITIES & keys.keys():
        yield "azure", _azure(secret, keys)
    elif _AZURE_ACCESS_KEY in keys:
        yield "azure", _token(secret, _AZURE_ACCESS_KEY)
    if _HTTPS_HOST in keys and _HTTPS_HEADERS in keys:
        host = secret_data.text(secret, _HTTPS_HOST)
        yield f"https {host}", Grant(env=(from_secret(f"{host}-headers", metadata.name(secret), _HTTPS_HEADERS),))
    if "HDFS_NAMENODE" in keys:
        yield "hdfs", _files(secret, _HDFS_VOLUME, _HDFS_FOLDER)
    for key in _TOKENS:
        if key in keys:
            yield key, _token(secret, key)


def _gcs(secret: Object, file_name: str) -> Grant:
    mounted = _files(secret, _GCS_VOLUME, _GCS_FOLDER)
    variable = {"name": "GOOGLE_APPLICATION_CREDENTIALS", "value": _GCS_FOLDER + file_name}
    return Grant((variable,), mounted.mounts, mounted.volumes)


def _azure(secret: Object, keys: Collection[str]) -> Grant:
    env = []
    for name, legacy in _AZURE:
        key = legacy if legacy in keys else name
        if key in keys or name == _AZURE_TENANT:  # without a tenant nothing works: the pod is to say what it lacks
            env.append(from_secret(name, metadata.name(secret), key))
    return Grant(tuple(env))


def _token(secret: Object, key: str) -> Grant:
    return Grant((from_secret(key, metadata.name(secret), key),))


def _files(secret: Object, volume: str, folder: str) -> Grant:
    return Grant(
        mounts=({"name": volume, "mountPath": folder, "readOnly": True},),
        volumes=({"name": volume, "secret": {"secretName": metadata.name(secret)}},),
    )
