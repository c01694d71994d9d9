output "address" {
  description = "What the domain's A record has to be."
  value       = google_compute_global_address.main.address
}
