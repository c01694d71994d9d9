output "address" {
  description = "What the A record of the domain has to be."
  value       = module.platform.address
}

output "nat_address" {
  description = "Address that MongoDB Atlas has to let in."
  value       = module.platform.nat_address
}

output "buckets" {
  description = "Names of the buckets `data`, `footage` and `models`."
  value       = module.platform.buckets
}

output "hmac_accounts" {
  description = "Service accounts that `make-secrets` makes HMAC keys of."
  value       = module.platform.hmac_accounts
}

output "secrets" {
  description = "By name: each secret's id, and the version that is used. No values."
  value       = module.platform.secrets
}

output "models_job" {
  description = "Job that fills the folder of the models' version: gcloud run jobs execute."
  value       = module.platform.models_job
}

output "dashboard" {
  description = "Id of the dashboard."
  value       = module.platform.dashboard
}
