# Vault for docker-compose.yml: one node, raft storage, sealed at each start until vault-unseal
# has opened it. Only the secrets service and the two keepers share its network; there is no TLS
# on it. Production differs: see docs/deploy.md.
storage "raft" {
  path                   = "/vault/file"
  node_id                = "compose"
  performance_multiplier = 1 # leads soon after a start
}

listener "tcp" {
  address         = "0.0.0.0:8200"
  cluster_address = "0.0.0.0:8201"
  tls_disable     = true
}

api_addr      = "http://vault:8200"
cluster_addr  = "http://vault:8201"
disable_mlock = true
ui            = false
