output "state_bucket" {
  description = "terraform init -backend-config=bucket=..."
  value       = google_storage_bucket.state.name
}

output "registry" {
  description = "Where releases push images."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "workload_identity_provider" {
  description = "For google-github-actions/auth; empty without a repository."
  value       = one(google_iam_workload_identity_pool_provider.github[*].name)
}

output "accounts" {
  description = "Accounts that workflows act as: planner, deployer and releaser."
  value       = { for name, account in google_service_account.github : name => account.email }
}
