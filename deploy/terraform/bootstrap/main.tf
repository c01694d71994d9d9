# What has to be there before anything else: Google's APIs, the bucket of Terraform's state, the registry of images, and the account that GitHub's workflows deploy as.
# Its own state stays on the machine that runs it, or goes into the bucket that it made (README).

terraform {
  required_version = ">= 1.7"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.20, < 8.0"
    }
  }
}

provider "google" {
  project = var.project
  region  = var.region
}

locals {
  apis = [
    "artifactregistry", "cloudresourcemanager", "cloudscheduler", "compute", "dns", "iam", "iamcredentials", "logging", "monitoring", "run", "secretmanager", "storage", "sts",
  ]
  # Whoever plans reads everything but the values of secrets, and holds the state's lock.
  planner_roles = [
    "roles/artifactregistry.reader",
    "roles/cloudscheduler.viewer",
    "roles/compute.viewer",
    "roles/dns.reader",
    "roles/iam.roleViewer",
    "roles/iam.securityReviewer",
    "roles/iam.serviceAccountViewer",
    "roles/logging.viewer",
    "roles/monitoring.viewer",
    "roles/run.viewer",
    "roles/secretmanager.viewer",
  ]
  # What applying the environments takes: no role of the whole project.
  deployer_roles = [
    "roles/artifactregistry.reader",
    "roles/cloudscheduler.admin",
    "roles/compute.admin",
    "roles/dns.admin",
    "roles/iam.roleAdmin",
    "roles/iam.serviceAccountAdmin",
    "roles/iam.serviceAccountUser",
    "roles/logging.configWriter",
    "roles/monitoring.admin",
    "roles/run.admin",
    "roles/storage.admin",
  ]
}

resource "google_project_service" "main" {
  for_each           = toset(local.apis)
  service            = "${each.value}.googleapis.com"
  disable_on_destroy = false
}

resource "google_storage_bucket" "state" {
  name                        = "${var.project}-heimdex-tfstate"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false
  versioning {
    enabled = true
  }
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      num_newer_versions = 50
      with_state         = "ARCHIVED"
    }
  }
  depends_on = [google_project_service.main]
}

resource "google_artifact_registry_repository" "images" {
  repository_id = "heimdex"
  location      = var.region
  format        = "DOCKER"
  description   = "Heimdex's images, by digest"
  docker_config {
    immutable_tags = true
  }
  depends_on = [google_project_service.main]
}

resource "google_project_iam_custom_role" "secrets" {
  role_id = "heimdex_secrets_without_values"
  title   = "Heimdex: manages secrets without their values"
  permissions = [
    "secretmanager.secrets.create", "secretmanager.secrets.delete", "secretmanager.secrets.get", "secretmanager.secrets.getIamPolicy", "secretmanager.secrets.list",
    "secretmanager.secrets.setIamPolicy", "secretmanager.secrets.update",
  ]
  depends_on = [google_project_service.main]
}

# GitHub proves by OIDC that a workflow of the one repository asks: there is no key that could leak.
resource "google_iam_workload_identity_pool" "github" {
  count                     = var.github_repository == "" ? 0 : 1
  workload_identity_pool_id = "heimdex-github"
  display_name              = "GitHub Actions"
  depends_on                = [google_project_service.main]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  count                              = var.github_repository == "" ? 0 : 1
  workload_identity_pool_id          = google_iam_workload_identity_pool.github[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  attribute_mapping = {
    "google.subject"        = "assertion.sub"
    "attribute.repository"  = "assertion.repository"
    "attribute.environment" = "'environment' in assertion ? assertion.environment : 'none'"
  }
  attribute_condition = "assertion.repository == '${var.github_repository}'"
  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account" "github" {
  for_each     = toset(var.github_repository == "" ? [] : ["planner", "deployer", "releaser"])
  account_id   = "heimdex-${each.value}"
  display_name = "Heimdex: ${each.value}"
}

# Who deploys has come through an environment of the repository, and so past its reviewers.
resource "google_service_account_iam_member" "environment" {
  for_each = var.github_repository == "" ? {} : {
    "staging"         = "deployer"
    "production"      = "deployer"
    "staging-plan"    = "planner"
    "production-plan" = "planner"
  }
  service_account_id = google_service_account.github[each.value].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github[0].name}/attribute.environment/${each.key}"
}

resource "google_service_account_iam_member" "releaser" {
  count              = var.github_repository == "" ? 0 : 1
  service_account_id = google_service_account.github["releaser"].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github[0].name}/attribute.repository/${var.github_repository}"
}

resource "google_project_iam_member" "planner" {
  for_each = toset(var.github_repository == "" ? [] : local.planner_roles)
  project  = var.project
  role     = each.value
  member   = google_service_account.github["planner"].member
}

# Reading what buckets are is in none of the roles above, and writing the state's lock neither.
resource "google_project_iam_custom_role" "buckets" {
  role_id     = "heimdex_buckets_viewer"
  title       = "Heimdex: looks at buckets"
  permissions = ["storage.buckets.get", "storage.buckets.getIamPolicy", "storage.buckets.list"]
  depends_on  = [google_project_service.main]
}

resource "google_project_iam_member" "planner_buckets" {
  count   = var.github_repository == "" ? 0 : 1
  project = var.project
  role    = google_project_iam_custom_role.buckets.id
  member  = google_service_account.github["planner"].member
}

resource "google_storage_bucket_iam_member" "planner_state" {
  count  = var.github_repository == "" ? 0 : 1
  bucket = google_storage_bucket.state.name
  role   = "roles/storage.objectUser"
  member = google_service_account.github["planner"].member
}

resource "google_project_iam_member" "deployer" {
  for_each = toset(var.github_repository == "" ? [] : local.deployer_roles)
  project  = var.project
  role     = each.value
  member   = google_service_account.github["deployer"].member
}

# It makes secrets and says who reads them; it neither reads nor adds values.
resource "google_project_iam_member" "deployer_secrets" {
  count   = var.github_repository == "" ? 0 : 1
  project = var.project
  role    = google_project_iam_custom_role.secrets.id
  member  = google_service_account.github["deployer"].member
}

# Releases push images, and do nothing else.
resource "google_artifact_registry_repository_iam_member" "releaser" {
  count      = var.github_repository == "" ? 0 : 1
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.github["releaser"].member
}
