output "name" {
  description = "Name."
  value       = var.name
}

output "account" {
  description = "E-mail of its service account."
  value       = google_service_account.main.email
}

output "account_id" {
  description = "Full id of its service account."
  value       = google_service_account.main.name
}

output "uri" {
  description = "Services: its https address within the network; else empty."
  value       = one(google_cloud_run_v2_service.main[*].uri)
}

output "scaling" {
  description = "How it is scaled."
  value       = var.scaling
}
