"""S3 and what speaks like it: the key pair of a Secret, and settings from annotations, the Secret and the configuration."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kservectl.api.config_keys import S3Credentials
from kservectl.modelstorage.ca_bundle import BUNDLE_ENV, BUNDLE_FILE_ENV
from kservectl.modelstorage.credentials import secret_data
from kservectl.modelstorage.credentials.grant import Grant, from_secret
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
"""On a ServiceAccount: its pods sign with the tokens of an AWS role and need no key pair."""

_PREFIX = "serving.kserve.io/"
_HTTPS, _HTTP = "https://", "http://"


@dataclass(frozen=True, slots=True)
class _Setting:
    """Where a setting is found, the first place first; `key` is in the Secret, and the name of the variable."""

    annotation: str
    key: str
    configured: Callable[[S3Credentials], str]


_USE_HTTPS = _Setting("s3-usehttps", "S3_USE_HTTPS", lambda config: config.s3_use_https)
_ENDPOINT = _Setting("s3-endpoint", "S3_ENDPOINT", lambda config: config.s3_endpoint)
_PLAIN = (
    _Setting("s3-verifyssl", "S3_VERIFY_SSL", lambda config: config.s3_verify_ssl),
    _Setting("s3-useanoncredential", "awsAnonymousCredential", lambda config: config.s3_use_anonymous_credential),
    _Setting("s3-region", "AWS_DEFAULT_REGION", lambda config: config.s3_region),
    # KServe's images read this spelling.
    _Setting("s3-usevirtualbucket", "S3_USER_VIRTUAL_BUCKET", lambda config: config.s3_use_virtual_bucket),
    _Setting("s3-useaccelerate", "S3_USE_ACCELERATE", lambda config: config.s3_use_accelerate),
    _Setting("s3-cabundle", BUNDLE_FILE_ENV, lambda config: config.s3_ca_bundle),
    _Setting("s3-cabundle-configmap", BUNDLE_ENV, lambda config: config.s3_ca_bundle_config_map),
)


def secret_grant(secret: Object, config: S3Credentials) -> Grant:
    """The key pair, and the settings that come with it."""
    name = metadata.name(secret)
    return Grant.together(
        (
            Grant(
                env=(
                    from_secret("AWS_ACCESS_KEY_ID", name, config.access_key_id_name),
                    from_secret("AWS_SECRET_ACCESS_KEY", name, config.secret_access_key_name),
                )
            ),
            _settings(secret, config, secret_data.keys(secret)),
        )
    )


def role_grant(account: Object, config: S3Credentials) -> Grant:
    """The settings of a ServiceAccount that stands for an AWS role."""
    return _settings(account, config, {})


def _settings(owner: Object, config: S3Credentials, data: Mapping[str, str]) -> Grant:
    notes = metadata.annotations(owner)

    def value(setting: _Setting) -> str:
        # Presence decides, so that an empty annotation can hide what is configured.
        if _PREFIX + setting.annotation in notes:
            return notes[_PREFIX + setting.annotation]
        return secret_data.text(owner, setting.key) if setting.key in data else setting.configured(config)

    values = {**_endpoint(value(_ENDPOINT), value(_USE_HTTPS)), **{setting.key: value(setting) for setting in _PLAIN}}
    return Grant(env=tuple({"name": name, "value": found} for name, found in values.items() if found))


def _endpoint(given: str, use_https: str) -> Mapping[str, str]:
    """Scheme, host and URL of an endpoint; a scheme in it wins over the setting."""
    endpoint = given.strip()
    if not endpoint:
        return {}
    scheme = next((scheme for scheme in (_HTTPS, _HTTP) if endpoint.lower().startswith(scheme)), "")
    if scheme:
        host, url, use_https = endpoint[len(scheme) :], endpoint, "1" if scheme == _HTTPS else "0"
    else:
        host, url = endpoint, (_HTTP if use_https == "0" else _HTTPS) + endpoint
    return {_USE_HTTPS.key: use_https, _ENDPOINT.key: host, "AWS_ENDPOINT_URL": url}
