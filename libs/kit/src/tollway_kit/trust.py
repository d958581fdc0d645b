"""Builds the gates of `auth` from settings."""

from tollway_kit.auth import Issuer, PeopleGate, ServiceGate
from tollway_kit.jwks import KeySet
from tollway_kit.settings import PeopleTrustSettings, ServiceTrustSettings


def people_gate(settings: PeopleTrustSettings) -> PeopleGate:
    """Return the gate for people's tokens."""
    keys = KeySet(settings.people_jwks)
    issuer = Issuer(settings.people_issuer, settings.people_audience, keys)
    return PeopleGate(issuer, settings.people_roles_claim)


def service_gate(settings: ServiceTrustSettings, *, audience: str) -> ServiceGate:
    """Return the gate for the tokens of services that call the one named by `audience`."""
    keys = KeySet(
        settings.service_jwks,
        token_file=settings.service_jwks_token_file,
        ca_file=settings.service_jwks_ca_file,
    )
    return ServiceGate(Issuer(settings.service_issuer, audience, keys))
