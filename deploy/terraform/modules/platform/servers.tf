# Gateway and orchestrator. A container on Cloud Run has one port and each of the two listens on two, so each runs as two services of one image.

locals {
  server_env = {
    HEIMDEX_ENV              = "production"
    HEIMDEX_AUTH_REQUIRED    = "true"
    HEIMDEX_TLS_BEHIND_PROXY = "true"
    HEIMDEX_BUS_URL          = module.nats.url
    HEIMDEX_BUS_USER         = module.nats.user
    NODE_EXTRA_CA_CERTS      = local.bus_ca
    HEIMDEX_BLOBS_ENDPOINT   = "https://storage.googleapis.com"
    HEIMDEX_BLOBS_REGION     = "auto"
    HEIMDEX_BLOBS_BUCKET     = module.storage.buckets["data"]
    # Cloud Run kills ten seconds after it asked to stop.
    HEIMDEX_DRAIN_MS = "8000"
  }
  server_secrets = {
    HEIMDEX_CATALOG_URL      = local.secrets["catalog-url"]
    HEIMDEX_BUS_PASSWORD     = local.secrets["bus-password"]
    HEIMDEX_BLOBS_ACCESS_KEY = local.secrets["blobs-access-key"]
    HEIMDEX_BLOBS_SECRET_KEY = local.secrets["blobs-secret-key"]
    HEIMDEX_SOURCES_S3       = local.secrets["sources-s3"]
    HEIMDEX_SIGNING_KEY      = local.secrets["signing-key"]
  }
  server_files = { (local.bus_ca) = local.secrets["bus-certificate"] }
  gateway_env = merge(local.server_env, {
    HEIMDEX_HTTP_HOST  = "0.0.0.0"
    HEIMDEX_GRPC_HOST  = "0.0.0.0"
    HEIMDEX_REFLECTION = "false"
  })
  gateway_secrets = merge(local.server_secrets, {
    HEIMDEX_ADMIN_KEY   = local.secrets["admin-key"]
    HEIMDEX_MONITOR_KEY = local.secrets["monitor-key"]
  })
  orchestrator_env = merge(local.server_env, {
    HEIMDEX_DATA_URL   = "https://${local.host["orchestrator-data"]}"
    HEIMDEX_RUN_FOLDER = "/tmp/heimdex"
  })
  orchestrator_secrets = merge(local.server_secrets, {
    HEIMDEX_STAGE_KEY = local.secrets["stage-key"]
  })
}

module "gateway" {
  source                 = "../service"
  name                   = "${var.name}-gateway"
  region                 = var.region
  image                  = var.images["gateway"]
  port                   = 8480
  probe                  = "http:/healthz"
  timeout_seconds        = 3600
  works_between_requests = true
  ingress                = "load-balancer"
  checks_its_callers     = true
  env                    = local.gateway_env
  secrets                = local.gateway_secrets
  secret_files           = local.server_files
  scaling                = var.scaling["gateway"]
  network                = local.subnet
  protected              = var.protected
}

module "gateway_grpc" {
  source                 = "../service"
  name                   = "${var.name}-gateway-grpc"
  region                 = var.region
  image                  = var.images["gateway"]
  port                   = 8481
  http2                  = true
  probe                  = "grpc"
  timeout_seconds        = 3600
  works_between_requests = true
  ingress                = "load-balancer"
  checks_its_callers     = true
  env                    = local.gateway_env
  secrets                = local.gateway_secrets
  secret_files           = local.server_files
  scaling                = var.scaling["gateway-grpc"]
  network                = local.subnet
  protected              = var.protected
}

module "orchestrator" {
  source                 = "../service"
  name                   = "${var.name}-orchestrator"
  region                 = var.region
  image                  = var.images["orchestrator"]
  port                   = 8482
  http2                  = true
  probe                  = "grpc"
  works_between_requests = true
  checks_its_callers     = true
  env                    = local.orchestrator_env
  secrets                = local.orchestrator_secrets
  secret_files           = local.server_files
  scaling                = var.scaling["orchestrator"]
  network                = local.subnet
  protected              = var.protected
}

# What workers read of films outside the data bucket. It runs the whole of an orchestrator, and does its share of the other's work.
module "orchestrator_data" {
  source                 = "../service"
  name                   = "${var.name}-orchestrator-data"
  region                 = var.region
  image                  = var.images["orchestrator"]
  port                   = 8483
  timeout_seconds        = 3600
  works_between_requests = true
  checks_its_callers     = true
  env                    = local.orchestrator_env
  secrets                = local.orchestrator_secrets
  secret_files           = local.server_files
  scaling                = var.scaling["orchestrator-data"]
  network                = local.subnet
  protected              = var.protected
}
