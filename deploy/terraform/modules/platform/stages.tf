# Stages dial out, so they are worker pools. Their models lie in a folder of the bucket that bears the models' version.

locals {
  # Which stages each serves; tests hold this file against the services themselves.
  stages = jsondecode(file("${path.module}/../../stages.json"))
  models = "/models/${var.models.version}"
}

module "stage" {
  for_each = local.stages
  source   = "../service"
  kind     = "worker-pool"
  name     = "${var.name}-${each.key}"
  region   = var.region
  image    = var.images[each.key]
  env = {
    HEIMDEX_ENV          = "production"
    HEIMDEX_ORCHESTRATOR = "https://${local.host["orchestrator"]}:443"
    HEIMDEX_MODELS       = local.models
    HEIMDEX_SCRATCH      = "/scratch"
    HEIMDEX_STAGE_MODELS = join(",", concat([var.models.profile], [for stage, id in var.models.stages : "${stage}=${id}"]))
  }
  secrets   = { HEIMDEX_STAGE_KEY = local.secrets["stage-key"] }
  buckets   = { "/models" = { bucket = module.storage.buckets["models"], read_only = true } }
  scaling   = var.scaling[each.key]
  network   = local.subnet
  protected = var.protected
}

# Fills the folder: gcloud run jobs execute.
module "models" {
  source          = "../service"
  kind            = "job"
  name            = "${var.name}-models"
  region          = var.region
  image           = var.images["cli"]
  args            = concat(["models", "pull", var.models.profile], sort(distinct(values(var.models.stages))))
  timeout_seconds = 3600
  env             = { HEIMDEX_MODELS = local.models }
  buckets         = { "/models" = { bucket = module.storage.buckets["models"], read_only = false } }
  scaling         = { min = 0, max = 1, cpu = 2, memory = "8Gi", concurrency = 1 }
  network         = local.subnet
  protected       = var.protected
}
