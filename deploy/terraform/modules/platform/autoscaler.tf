# Worker pools do not scale by themselves. Once a minute the scheduler calls the autoscaler, which reads what waits and is under way from the gateway, and sets their counts.

module "autoscaler" {
  source  = "../service"
  name    = "${var.name}-autoscaler"
  region  = var.region
  image   = var.images["autoscaler"]
  scaling = { min = 0, max = 1, cpu = 1, memory = "512Mi", concurrency = 1 }
  env = {
    HEIMDEX_ENV         = "production"
    HEIMDEX_GATEWAY_URL = "https://${local.host["gateway"]}"
    HEIMDEX_POOLS = jsonencode([for service, stages in local.stages : {
      name        = "projects/${var.project}/locations/${var.region}/workerPools/${module.stage[service].name}"
      stages      = stages
      min         = var.scaling[service].min
      max         = var.scaling[service].max
      concurrency = var.scaling[service].concurrency
    }])
  }
  secrets   = { HEIMDEX_MONITOR_KEY = local.secrets["monitor-key"] }
  invokers  = { scheduler = google_service_account.scheduler.member }
  network   = local.subnet
  protected = var.protected
}

resource "google_service_account" "scheduler" {
  account_id   = "${var.name}-scheduler"
  display_name = "Heimdex: calls the autoscaler"
}

resource "google_cloud_scheduler_job" "autoscaler" {
  name             = "${var.name}-autoscaler"
  region           = var.region
  schedule         = "* * * * *"
  attempt_deadline = "50s"
  retry_config {
    retry_count = 0 # the next minute is the next try
  }
  http_target {
    uri         = "${module.autoscaler.uri}/"
    http_method = "POST"
    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = module.autoscaler.uri
    }
  }
}

# Two permissions on four pools, and leave to keep their accounts as they are: a patch of a pool counts as setting its account.
resource "google_project_iam_custom_role" "autoscaler" {
  role_id     = replace("${var.name}-autoscaler", "-", "_")
  title       = "Heimdex: sets worker pools"
  permissions = ["run.workerpools.get", "run.workerpools.update"]
}

resource "google_cloud_run_v2_worker_pool_iam_member" "autoscaler" {
  for_each = module.stage
  name     = each.value.name
  location = var.region
  role     = google_project_iam_custom_role.autoscaler.id
  member   = "serviceAccount:${module.autoscaler.account}"
  # The pool itself: its name is known before it is there.
  depends_on = [module.stage]
}

resource "google_service_account_iam_member" "autoscaler" {
  for_each           = module.stage
  service_account_id = each.value.account_id
  role               = "roles/iam.serviceAccountUser"
  member             = "serviceAccount:${module.autoscaler.account}"
}
