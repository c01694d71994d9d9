output "network" {
  description = "Id of the network."
  value       = google_compute_network.main.id
}

output "subnetwork" {
  description = "Id of the subnetwork."
  value       = google_compute_subnetwork.main.id
}

output "cidr" {
  description = "Addresses of the subnetwork."
  value       = google_compute_subnetwork.main.ip_cidr_range
}

output "nat_address" {
  description = "Address that everything inside is seen with from the internet: what MongoDB Atlas has to let in."
  value       = google_compute_address.nat.address
}

output "dns_zone" {
  description = "Name of the private zone heimdex.internal."
  value       = google_dns_managed_zone.internal.name
}
