output "url" {
  description = "Where services connect."
  value       = "tls://${local.host}:4222"
}

output "user" {
  description = "User that they connect as."
  value       = "heimdex"
}

output "instance" {
  description = "Name of the machine."
  value       = google_compute_instance.main.name
}
