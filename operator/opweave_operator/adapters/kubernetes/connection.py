"""Where the API server is and how to prove who we are, by the official client's configuration loader.

Only its configuration part is imported: the models behind ``kubernetes.aio.client`` load lazily, so this costs 2 MB on
top of what kopf needs.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from pathlib import Path

from kubernetes.aio import config as kubernetes_config
from kubernetes.aio.client import Configuration

from opweave_operator import errors

SERVICE_ACCOUNT_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


class NoCluster(errors.OperatorError):
    """No configuration leads to a cluster; the text says what was looked at."""


class Connection:
    """A configured way to one API server; made by `connect`.

    Attributes:
        is_in_cluster: This process runs in a pod of that cluster.
    """

    def __init__(
        self, configuration: Configuration, kubeconfig: Path | None, *, is_in_cluster: bool
    ) -> None:
        self._configuration = configuration
        self._kubeconfig = kubeconfig
        self.is_in_cluster = is_in_cluster

    @property
    def server(self) -> str:
        """Base URL without a slash at its end."""
        return str(self._configuration.host).rstrip("/")

    @property
    def server_hostname(self) -> str | None:
        """Name that the server's certificate must hold, when it differs from the URL's."""
        return self._configuration.tls_server_name

    @property
    def proxy(self) -> str | None:
        """URL of the proxy to go through, if any."""
        return self._configuration.proxy

    @property
    def ca_path(self) -> str | None:
        """File with the certificate authorities to trust."""
        return self._configuration.ssl_ca_cert

    @property
    def client_certificate(self) -> tuple[str, str] | None:
        """Files of the client's certificate and key, if it proves itself by them."""
        if self._configuration.cert_file and self._configuration.key_file:
            return self._configuration.cert_file, self._configuration.key_file
        return None

    @property
    def is_insecure(self) -> bool:
        """Whether the kubeconfig says not to verify the server."""
        return not self._configuration.verify_ssl

    async def authorization(self) -> str | None:
        """Return the Authorization header; in a pod the token file is read again each minute, because it rotates."""
        header = await self._configuration.get_api_key_with_prefix("BearerToken")
        return str(header).strip() if header else None

    def ssl_context(self) -> ssl.SSLContext:
        """Return a fresh TLS context."""
        context = ssl.create_default_context(cafile=self.ca_path)
        # As client-go: certificates of many clusters lack extensions that the strict profile of Python 3.13 asks for.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.client_certificate is not None:
            context.load_cert_chain(*self.client_certificate)
        if self.is_insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    async def reload(self) -> None:
        """Read credentials again: called when they were not accepted (an exec plugin's token expires)."""
        fresh = await connect(self._kubeconfig)
        self._configuration = fresh._configuration


async def connect(
    kubeconfig: Path | None = None, environment: Mapping[str, str] = os.environ
) -> Connection:
    """Return the connection by *kubeconfig*, else ``$KUBECONFIG``, else as a pod of the cluster, else ``~/.kube/config``.

    Raises:
        NoCluster: None of them leads to a cluster, or the one that counts cannot be read.
    """
    configuration = Configuration()
    chosen = kubeconfig or (
        Path(environment["KUBECONFIG"]) if environment.get("KUBECONFIG") else None
    )
    is_pod = "KUBERNETES_SERVICE_HOST" in environment and SERVICE_ACCOUNT_TOKEN.exists()  # noqa: ASYNC240  # once at start
    try:
        if chosen is None and is_pod:
            kubernetes_config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # the official client's loader has no annotations
            return Connection(configuration, None, is_in_cluster=True)
        source = chosen or Path("~/.kube/config").expanduser()  # noqa: ASYNC240  # once at start
        if not await asyncio.to_thread(source.exists):
            raise NoCluster(
                f"no cluster: {source} does not exist, $KUBECONFIG is {'not set' if kubeconfig is None else 'not used'}"
                " and this is no pod; name a kubeconfig"
            )
        await kubernetes_config.load_kube_config(  # type: ignore[no-untyped-call]  # as above
            config_file=str(source), client_configuration=configuration
        )
    except (kubernetes_config.ConfigException, OSError, KeyError, ValueError) as error:
        raise NoCluster(f"the configuration of the cluster cannot be used: {error}") from error
    return Connection(configuration, chosen, is_in_cluster=False)
