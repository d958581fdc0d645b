"""Who is calling, and may they: bearer tokens of people and of services, verified by JWKS."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from fastapi import Request

from tollway_contracts.vocabulary import Role
from tollway_kit.errors import Forbidden, Unauthenticated
from tollway_kit.jwks import KeySet

ALGORITHMS = ["ES256", "ES384", "EdDSA", "RS256", "RS384", "PS256"]
LEEWAY_SECONDS = 30
EVERY_WORKSPACE = "*"

PersonDependency = Callable[[Request], Awaitable["Person"]]
ServiceDependency = Callable[[Request], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with roles in workspaces; `*` stands for all of them."""

    subject: str
    roles: Mapping[str, frozenset[Role]]

    def may(self, workspace: str, allowed: frozenset[Role]) -> bool:
        """Whether one of the person's roles in `workspace` is among `allowed`."""
        held = self.roles.get(workspace, frozenset()) | self.roles.get(EVERY_WORKSPACE, frozenset())
        return bool(held & allowed)


@dataclass(frozen=True, slots=True)
class Issuer:
    """A party whose tokens are believed: its name, its keys, and whom the tokens are for."""

    name: str
    audience: str
    keys: KeySet

    async def claims(self, token: str) -> dict[str, Any]:
        """Return a token's claims. Raises Unauthenticated where it does not hold."""
        try:
            key = await self.keys.key_of(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self.audience,
                issuer=self.name,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError as error:
            msg = "The token has expired; get a new one."
            raise Unauthenticated(msg) from error
        except jwt.PyJWTError as error:
            msg = "The token is not valid here."
            raise Unauthenticated(msg) from error
        return claims


class PeopleGate:
    """Makes dependencies that let in people with the right role in the path's workspace."""

    def __init__(self, issuer: Issuer, roles_claim: str) -> None:
        self._issuer = issuer
        self._roles_claim = roles_claim

    def allow(self, *roles: Role) -> PersonDependency:
        """Return a dependency for routes whose path has `{workspace}`."""
        allowed = frozenset(roles)

        async def dependency(request: Request) -> Person:
            person = await self._person(request)
            workspace = request.path_params.get("workspace", EVERY_WORKSPACE)
            if not person.may(workspace, allowed):
                # The same words whether or not the workspace exists.
                msg = f"This needs one of the roles {_listed(allowed)} in the workspace."
                raise Forbidden(msg)
            return person

        return dependency

    async def known(self, request: Request) -> Person:
        """Return whoever calls, whatever their roles. The dependency for routes that filter."""
        return await self._person(request)

    async def _person(self, request: Request) -> Person:
        claims = await self._issuer.claims(bearer_token(request))
        return Person(claims["sub"], _roles(claims.get(self._roles_claim)))


class ServiceGate:
    """Makes dependencies that let in one named service."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    def allow(self, subject: str) -> ServiceDependency:
        """Return a dependency that lets in the service whose token's subject is `subject`."""

        async def dependency(request: Request) -> str:
            claims = await self._issuer.claims(bearer_token(request))
            if claims["sub"] != subject:
                msg = "This service may not call this."
                raise Forbidden(msg)
            return subject

        return dependency


def bearer_token(request: Request) -> str:
    """Return the request's bearer token. Raises Unauthenticated where there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        msg = "Send a token as 'Authorization: Bearer TOKEN'."
        raise Unauthenticated(msg)
    return token.strip()


def _roles(claim: object) -> dict[str, frozenset[Role]]:
    """Read the roles claim; what it says in unknown words or shapes grants nothing."""
    if not isinstance(claim, dict):
        return {}
    known = {role.value: role for role in Role}
    return {
        workspace: frozenset(
            known[name] for name in names if isinstance(name, str) and name in known
        )
        for workspace, names in claim.items()
        if isinstance(names, list)
    }


def _listed(roles: frozenset[Role]) -> str:
    return ", ".join(sorted(roles))
