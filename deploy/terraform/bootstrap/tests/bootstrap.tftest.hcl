mock_provider "google" {}

variables {
  project = "films-project"
  region  = "europe-west4"
}

run "by_hand" {
  command = apply
  assert {
    condition     = google_storage_bucket.state.versioning[0].enabled == true && google_storage_bucket.state.uniform_bucket_level_access == true && google_storage_bucket.state.public_access_prevention == "enforced"
    error_message = "the state has versions, and is nobody else's to read"
  }
  assert {
    condition     = length(google_service_account.github) == 0 && length(google_iam_workload_identity_pool.github) == 0 && length(google_project_iam_member.deployer) == 0
    error_message = "no workflow may anything unless a repository is named"
  }
}

run "by_workflows" {
  command = apply
  variables {
    github_repository = "films/heimdex"
  }
  assert {
    condition     = google_iam_workload_identity_pool_provider.github[0].attribute_condition == "assertion.repository == 'films/heimdex'"
    error_message = "workflows of the one repository"
  }
  assert {
    condition     = toset([for environment, grant in google_service_account_iam_member.environment : element(split("/", grant.member), length(split("/", grant.member)) - 1)]) == toset(["staging", "production", "staging-plan", "production-plan"])
    error_message = "who plans and deploys comes by an environment of the repository"
  }
  assert {
    condition     = length([for grant in google_project_iam_member.planner : grant.role if !can(regex("([vV]iewer|[rR]eader|securityReviewer)$", grant.role))]) == 0
    error_message = "who plans changes nothing"
  }
  assert {
    condition     = length([for role in concat(local.planner_roles, local.deployer_roles) : role if contains(["roles/owner", "roles/editor", "roles/viewer", "roles/secretmanager.admin", "roles/secretmanager.secretAccessor"], role)]) == 0
    error_message = "no role of the whole project, and none that reads secrets"
  }
  assert {
    condition     = !contains(google_project_iam_custom_role.secrets.permissions, "secretmanager.versions.access")
    error_message = "who deploys reads no values"
  }
}

run "refuses_what_is_no_repository" {
  command = plan
  variables {
    github_repository = "https://github.com/films/heimdex"
  }
  expect_failures = [var.github_repository]
}
