output "address" {
  description = "What the A record of the domain has to be."
  value       = module.edge.address
}

output "nat_address" {
  description = "Address that MongoDB Atlas has to let in."
  value       = module.network.nat_address
}

output "buckets" {
  description = "Names of the buckets `data`, `footage` and `models`."
  value       = module.storage.buckets
}

output "hmac_accounts" {
  description = "Service accounts that `make-secrets` makes HMAC keys of."
  value       = module.storage.hmac_accounts
}

output "secrets" {
  description = "By name: each secret's id, and the version that is used. No values."
  value       = module.secrets.secrets
}

output "models_job" {
  description = "Job that fills the folder of the models' version."
  value       = module.models.name
}

output "dashboard" {
  description = "Id of the dashboard."
  value       = module.observability.dashboard
}
