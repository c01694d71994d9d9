mock_provider "google" {}

variables {
  name   = "heimdex-test"
  region = "europe-west4"
}

run "network" {
  command = apply
  assert {
    condition     = google_compute_network.main.auto_create_subnetworks == false && google_compute_subnetwork.main.private_ip_google_access == true
    error_message = "one subnetwork, which reaches Google's services without the internet"
  }
  assert {
    condition     = google_compute_router_nat.main.nat_ip_allocate_option == "MANUAL_ONLY" && length(google_compute_router_nat.main.nat_ips) == 1
    error_message = "one fixed address to the outside"
  }
  assert {
    condition     = google_dns_managed_zone.internal.visibility == "private"
    error_message = "names within are nobody else's"
  }
}

run "refuses_a_range_that_is_too_small" {
  command = plan
  variables {
    cidr = "10.24.0.0/28"
  }
  expect_failures = [var.cidr]
}
