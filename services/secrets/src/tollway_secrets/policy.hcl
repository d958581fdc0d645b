# What the secrets service's token may do: with the Transit keys named tollway-*, make, rotate,
# encrypt, decrypt, rewrap; and prolong itself. The mount is `transit`, the prefix `tollway-`
# (TOLLWAY_VAULT_TRANSIT_MOUNT, TOLLWAY_VAULT_KEY_PREFIX): change them here where they differ.
#
#   bao policy write tollway-secrets policy.hcl
#   bao token create -policy=tollway-secrets -no-default-policy -orphan -period=24h
#
# `create` and `update` on a key also cover /rotate below it, which needs no parameter. The list of
# parameters is what keeps everything else out: no key becomes exportable, is imported, trimmed, or
# loses an old version (/config), and none can be made ready for deletion. Reading keys is not
# needed: making a key that exists changes nothing and answers with its newest version.
#
# Deliberately left to an operator with another token:
#   - destroying a workspace's key, and with it every ciphertext ever made with it:
#       bao write transit/keys/tollway-WORKSPACE/config deletion_allowed=true
#       bao delete transit/keys/tollway-WORKSPACE
#   - retiring old versions after a rewrap has reported no ciphertext of theirs:
#       bao write transit/keys/tollway-WORKSPACE/config min_decryption_version=N
path "transit/keys/tollway-*" {
  capabilities = ["create", "update"]
  allowed_parameters = {
    "type"    = ["aes256-gcm96"]
    "derived" = [true]
  }
}

path "transit/encrypt/tollway-*" {
  capabilities = ["update"]
}

path "transit/decrypt/tollway-*" {
  capabilities = ["update"]
}

path "transit/rewrap/tollway-*" {
  capabilities = ["update"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}
